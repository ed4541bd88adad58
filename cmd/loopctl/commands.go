package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"text/tabwriter"

	"github.com/molt-installer/molt/loopctl"
)

func attach(ctx context.Context, i *invocation) error {
	flags := os.O_RDWR
	if i.config.ReadOnly {
		flags = os.O_RDONLY
	}
	f, err := openFile(i.args[0], flags)
	if err != nil {
		return err
	}
	defer f.Close()
	d, err := loopctl.Attach(ctx, f, i.config)
	if err != nil {
		return err
	}
	defer d.Close()
	if !i.json {
		_, err = fmt.Fprintln(i.stdout, d.Path())
		return err
	}
	return printInfo(i, d)
}

// openFile doesn't wait for the other end of a pipe.
func openFile(name string, flags int) (*os.File, error) {
	return os.OpenFile(name, flags|syscall.O_NONBLOCK, 0)
}

func list(_ context.Context, i *invocation) error {
	infos, err := loopctl.List()
	if err != nil {
		return err
	}
	if i.json {
		return printJSON(i.stdout, append([]loopctl.Info{}, infos...))
	}
	w := tabwriter.NewWriter(i.stdout, 0, 8, 1, ' ', 0)
	fmt.Fprintln(w, "NAME\tSIZELIMIT\tOFFSET\tAUTOCLEAR\tRO\tDIO\tLOG-SEC\tBACK-FILE")
	for _, d := range infos {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%s\n",
			d.Path, d.SizeLimit, d.Offset, bit(d.Autoclear), bit(d.ReadOnly), bit(d.DirectIO), d.BlockSize, d.BackingFile)
	}
	return w.Flush()
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

func info(_ context.Context, i *invocation) error {
	d, err := loopctl.Open(i.args[0])
	if err != nil {
		return err
	}
	defer d.Close()
	return printInfo(i, d)
}

func printInfo(i *invocation, d *loopctl.Device) error {
	info, err := d.Info()
	if err != nil {
		return err
	}
	if i.json {
		return printJSON(i.stdout, info)
	}
	held, err := d.Held()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(i.stdout, 0, 8, 2, ' ', 0)
	for _, row := range []struct {
		name  string
		value any
	}{
		{"device", info.Path}, {"backing file", info.BackingFile}, {"name", info.Name},
		{"inode", fmt.Sprintf("%d on device %#x", info.BackingIno, info.BackingDev)},
		{"size", info.Size}, {"offset", info.Offset}, {"size limit", info.SizeLimit}, {"block size", info.BlockSize},
		{"read-only", info.ReadOnly}, {"autoclear", info.Autoclear}, {"partition scan", info.PartScan}, {"direct I/O", info.DirectIO},
		{"sequence", info.DiskSeq}, {"in flight", info.InFlight}, {"in use", held},
	} {
		fmt.Fprintf(w, "%s\t%v\n", row.name, row.value)
	}
	return w.Flush()
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func detach(ctx context.Context, i *invocation) error {
	var errs []error
	for _, name := range i.args {
		errs = append(errs, detachOne(ctx, name, i))
	}
	return errors.Join(errs...)
}

func detachOne(ctx context.Context, name string, i *invocation) error {
	d, err := loopctl.Open(name)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, i.timeout)
	defer cancel()
	return d.Detach(ctx)
}

func holders(ctx context.Context, i *invocation) error {
	found, err := loopctl.Holders(ctx, i.args[0])
	if err != nil {
		return err
	}
	if i.json {
		return printJSON(i.stdout, append([]loopctl.Holder{}, found...))
	}
	for _, h := range found {
		if _, err := fmt.Fprintln(i.stdout, h); err != nil {
			return err
		}
	}
	return nil
}
