package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/loopctl"
)

// column is a column of list. Names, order and meaning are losetup's as far as it
// has them; the rest stands behind those.
type column struct {
	name   string
	about  string
	normal bool // shown when nothing else is asked for
	right  bool // numbers end at the same place
	asks   bool // the device must be opened, which blocks behind a stuck switch
	value  func(loopctl.Info) any
}

func columns() []column {
	return []column{
		{name: "NAME", about: "the loop device", normal: true, value: func(i loopctl.Info) any { return i.Path }},
		{name: "SIZELIMIT", about: "bytes of the file that are used; 0: to its end", normal: true, right: true, value: func(i loopctl.Info) any { return i.SizeLimit }},
		{name: "OFFSET", about: "bytes of the file that are left out at its start", normal: true, right: true, value: func(i loopctl.Info) any { return i.Offset }},
		{name: "AUTOCLEAR", about: "the device goes away with its last user", normal: true, right: true, value: func(i loopctl.Info) any { return i.Autoclear }},
		{name: "RO", about: "read-only", normal: true, right: true, value: func(i loopctl.Info) any { return i.ReadOnly }},
		{name: "BACK-FILE", about: "the file, as the kernel knows it", normal: true, value: func(i loopctl.Info) any { return i.BackingFile }},
		{name: "DIO", about: "the file's page cache is bypassed", normal: true, right: true, value: func(i loopctl.Info) any { return i.DirectIO }},
		{name: "LOG-SEC", about: "logical sector size, bytes", normal: true, right: true, value: func(i loopctl.Info) any { return i.BlockSize }},
		{name: "PARTSCAN", about: "partitions are looked for", right: true, value: func(i loopctl.Info) any { return i.PartScan }},
		{name: "BACK-INO", about: "inode number of the file; asks the device", right: true, asks: true, value: func(i loopctl.Info) any { return i.BackingIno }},
		{name: "BACK-MAJ:MIN", about: "device that the file is on; asks the device", asks: true, value: func(i loopctl.Info) any { return number(i.BackingDev) }},
		{name: "MAJ:MIN", about: "device number", value: func(i loopctl.Info) any { return number(nodeNumber(i.Path)) }},
		{name: "REF", about: "name given by attach --loop-ref; asks the device", asks: true, value: func(i loopctl.Info) any { return i.Name }},
		{name: "SIZE", about: "size of the device, bytes; not in losetup", right: true, value: func(i loopctl.Info) any { return i.Size }},
		{name: "DISKSEQ", about: "new after every attach, switch and detach; not in losetup", right: true, value: func(i loopctl.Info) any { return i.DiskSeq }},
		{name: "INFLIGHT", about: "requests that wait for the file; not in losetup", right: true, value: func(i loopctl.Info) any { return i.InFlight }},
	}
}

// number is a device number as losetup writes it.
func number(dev uint64) string { return fmt.Sprintf("%d:%d", unix.Major(dev), unix.Minor(dev)) }

func nodeNumber(path string) uint64 {
	if fi, err := os.Stat(path); err == nil {
		if st, ok := fi.Sys().(*syscall.Stat_t); ok {
			return st.Rdev
		}
	}
	return 0
}

func columnNames() []string {
	var names []string
	for _, c := range columns() {
		names = append(names, c.name)
	}
	return names
}

func columnsText() string {
	var b strings.Builder
	for _, c := range columns() {
		fmt.Fprintf(&b, "  %-13s %s\n", c.name, c.about)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func normalColumns() []column {
	return slices.DeleteFunc(columns(), func(c column) bool { return !c.normal })
}

// parseColumns reads "NAME,RO"; small letters will do. "+SIZE" is SIZE behind the
// usual ones.
func parseColumns(s string) ([]column, error) {
	var chosen []column
	if rest, ok := strings.CutPrefix(s, "+"); ok {
		chosen, s = normalColumns(), rest
	}
	all := columns()
	for name := range strings.SplitSeq(s, ",") {
		i := slices.IndexFunc(all, func(c column) bool { return strings.EqualFold(c.name, name) })
		if i < 0 {
			return nil, fmt.Errorf("there is no column %q; there are %s", name, strings.Join(columnNames(), ", "))
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// text is the column of a device, as losetup writes it.
func (c column) text(i loopctl.Info) string {
	switch v := c.value(i).(type) {
	case bool:
		if v {
			return "1"
		}
		return "0"
	default:
		return fmt.Sprint(v)
	}
}
