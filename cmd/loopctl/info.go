package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/molt-installer/molt/cmd/loopctl/internal/cli"
	"github.com/molt-installer/molt/loopctl"
)

func infoCommand() cli.Command {
	asJSON := false
	return cli.Command{
		Name:    "info",
		Summary: "tell everything about a loop device, and whether it is in use",
		Args:    []cli.Arg{{Name: "DEVICE", Offers: devices()}},
		Options: []cli.Option{jsonOption(&asJSON)},
		Run: func(_ context.Context, args []string, s cli.Streams) error {
			d, err := loopctl.Open(args[0])
			if err != nil {
				return err
			}
			defer d.Close()
			if asJSON {
				return printStatus(s.Out, d)
			}
			return describe(s.Out, d)
		},
	}
}

// deviceStatus is a device with what sysfs doesn't tell.
type deviceStatus struct {
	loopctl.Info
	Held   bool     `json:"held"`
	Mounts []string `json:"mounts"`
}

func statusOf(d *loopctl.Device) (s deviceStatus, err error) {
	if s.Info, err = d.Info(); err != nil {
		return s, err
	}
	if s.Mounts, err = d.Mounts(""); err != nil {
		return s, err
	}
	s.Mounts = append([]string{}, s.Mounts...)
	s.Held, err = d.Held()
	return s, err
}

func printStatus(w io.Writer, d *loopctl.Device) error {
	s, err := statusOf(d)
	if err != nil {
		return err
	}
	return printJSON(w, s)
}

func describe(w io.Writer, d *loopctl.Device) error {
	s, err := statusOf(d)
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, row := range [][2]string{
		{"device", s.Path},
		{"file", fmt.Sprintf("%s (inode %d on %s)", s.BackingFile, s.BackingIno, number(s.BackingDev))},
		{"name", s.Name},
		{"size", fmt.Sprintf("%s (%d bytes), sectors of %d", people(int64(s.Size)), s.Size, s.BlockSize)},
		{"part of the file", part(s.Info)},
		{"mode", mode(s.Info)},
		{"sequence number", fmt.Sprint(s.DiskSeq)},
		{"in use", s.use()},
	} {
		fmt.Fprintf(t, "%s\t%s\n", row[0], row[1])
	}
	return t.Flush()
}

func part(i loopctl.Info) string {
	text := "all of it"
	if i.Offset > 0 {
		text = fmt.Sprintf("from byte %d", i.Offset)
	}
	if i.SizeLimit > 0 {
		text += fmt.Sprintf(", at most %d bytes", i.SizeLimit)
	}
	return text
}

func mode(i loopctl.Info) string {
	words := []string{"read-write"}
	if i.ReadOnly {
		words[0] = "read-only"
	}
	for _, m := range []struct {
		on   bool
		word string
	}{{i.Autoclear, "autoclear"}, {i.PartScan, "partition scan"}, {i.DirectIO, "direct I/O"}} {
		if m.on {
			words = append(words, m.word)
		}
	}
	return strings.Join(words, ", ")
}

func (s deviceStatus) use() string {
	text := "no"
	switch {
	case len(s.Mounts) > 0:
		text = "mounted on " + strings.Join(s.Mounts, ", ")
	case s.Held:
		text = "yes"
	}
	if s.InFlight > 0 {
		text += fmt.Sprintf("; %d requests under way", s.InFlight)
	}
	return text
}
