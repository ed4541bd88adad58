// Package layout works out what storage will be: from the disks of a machine,
// what is on them, and the answers of config.Storage it makes partition tables,
// the layers on partitions (RAID, LVM, encryption, btrfs) and the volumes on those.
//
// It is pure: it reads nothing and writes nothing. A disk that the answers don't
// name is in no result. What can't be is said as Problems, all of them at once. Steps
// that carry a layout out are plan's.
//
// The way through it: target.go finds the disks that are named, clear.go what
// of them is given up, stack.go which old arrays and groups go with it,
// unknown.go what of that isn't known; auto.go
// turns autopart and reqpart into single requests, reuse.go those for what is there
// already; check.go looks at each request by itself; gap.go, table.go and place.go
// give partitions their places; raid.go, lvm.go and btrfs.go build on them, boot.go
// asks whether the machine will start.
package layout

import (
	"fmt"
	"slices"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
)

// Request is everything a layout follows from.
type Request struct {
	Machine machine.Machine
	Storage config.Storage
	Loader  config.Bootloader
	Refused map[string]string // disks that can't be written, by path, and why
	Aside   []string          // disks that "all" doesn't mean: only their own name does
	Space   int64             // bytes that the system will need, to choose a disk by
	IDs     func() string     // a new UUID at each call, lower-case
}

// Result is a layout. When there are Problems it can't be carried out; the rest is then
// what could be worked out in spite of them, which a front end shows while a person is
// still at it.
type Result struct {
	Disks    []Disk
	Stop     []machine.Stack
	Layers   []Layer
	Volumes  []Volume
	Boot     []string
	Warnings []string
	Problems Problems
}

const mib = 1 << 20
const gib = 1 << 30

// maker is a layout in the making.
type maker struct {
	Request
	Result
	s       config.Storage // with autopart, reqpart and mount said in single requests
	disks   []*disk        // that are named, in the order in which they were
	pieces  []*piece       // partitions
	members map[string]dev // what can be built on, by its name: "pv.1"
	stays   []machine.Stack
}

// dev is what something can be built on.
type dev struct {
	path string
	size int64
}

// Make works the layout out.
func Make(r Request) Result {
	m := &maker{Request: r, s: r.Storage, members: map[string]dev{}}
	m.takeMounts()
	m.takeExisting()
	m.target()
	if m.Problems.Has(NoTarget) || m.Problems.Has(DiskUnknown) || m.Problems.Has(DiskRefused) {
		m.expand()
		m.check()
		return m.Result
	}
	m.clear()
	m.stacks()
	m.unknown()
	m.expand()
	m.collect()
	m.check()
	m.assign()
	m.partition()
	m.arrays()
	m.groups()
	m.btrfs()
	if len(m.Problems) == 0 {
		m.boot()
		m.remarks()
	}
	return m.Result
}

func (m *maker) warn(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !slices.Contains(m.Warnings, text) {
		m.Warnings = append(m.Warnings, text)
	}
}
