// Package devices edits the layout of disks step by step: what a person does in a
// table of devices becomes a config.Storage, as a kickstart would say it.
//
// It is pure: it reads and writes no disk, and draws nothing. It has no rules of
// its own about what disks can be: every step is tried on plan/layout, and what that
// finds wrong is what the person is told.
//
// # Contract
//
// An Editor begins with everything that is there kept. A disk that no step names is
// in no answer. A step that can't be is refused with an error in words and
// changes nothing; Undo brings back exactly what was before the last step. What merely
// isn't complete yet, such as a missing root, is no reason to refuse: Problems has it.
// An Editor is used from one goroutine.
package devices

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/plan/layout"
)

const mib = 1 << 20

// Setup is what an Editor works on.
type Setup struct {
	Machine machine.Machine
	Refused map[string]string // disks that can't be written, by path, and why
	Loader  config.Bootloader
}

// Editor is a layout in the making.
type Editor struct {
	set    Setup
	ignore []string // disks that are left alone whatever the steps are
	now    config.Storage
	past   []config.Storage
	made   layout.Result // of now
	rows   []Row         // of now, once they have been asked for
}

// New edits what from says; the zero value keeps everything and makes nothing. Autopart,
// reqpart and mounts are taken apart into single devices first.
func New(set Setup, from config.Storage) *Editor {
	e := &Editor{set: set, ignore: from.Ignore}
	e.set.Refused = e.limits()
	start := from
	if from.Auto != nil || from.Reqpart != nil || len(from.Mounts) > 0 {
		start, _ = layout.Spell(e.request(from))
	}
	if !untouched(start) {
		start = e.plain(start)
	}
	e.take(start)
	return e
}

// limits are the disks that can't be written: ignoredisk's too, which a layout heeds no
// more once it is edited.
func (e *Editor) limits() map[string]string {
	refused := map[string]string{}
	for path, why := range e.set.Refused {
		refused[path] = why
	}
	named := func(d machine.Disk, specs []string) bool {
		return slices.ContainsFunc(specs, func(spec string) bool { return layout.Matches(d, spec) })
	}
	for _, d := range e.set.Machine.Disks {
		if refused[d.Path] == "" && named(d, e.ignore) {
			refused[d.Path] = "ignoredisk --drives names it"
		}
	}
	return refused
}

func untouched(s config.Storage) bool {
	return s.Clear.Mode == "" && len(s.Clear.Drives)+len(s.Partitions)+len(s.Arrays)+len(s.Groups)+len(s.Logicals)+len(s.Btrfs) == 0
}

// plain brings clearpart into the form that steps change: each disk and partition by its path.
func (e *Editor) plain(s config.Storage) config.Storage {
	r := layout.Make(e.request(s))
	c := clearing{label: s.Clear.Label}
	for _, d := range r.Disks {
		if !d.Kept {
			c.fresh = append(c.fresh, d.Path)
			continue
		}
		for _, p := range d.Lost {
			c.gone = append(c.gone, p.Path)
		}
	}
	s.OnlyUse, s.Zerombr = nil, false
	if c.write(&s, e.set.Machine) != nil { // what can't be said is kept
		c.gone = slices.DeleteFunc(slices.Clone(c.gone), func(path string) bool { return c.empties(e.set.Machine, path) })
		s.Clear = c.storage(e.set.Machine)
	}
	return e.onDisks(s, r)
}

// onDisks names the disk of each new partition, as the layout chose it, and each old
// one by its path.
func (e *Editor) onDisks(s config.Storage, r layout.Result) config.Storage {
	s.Partitions = slices.Clone(s.Partitions)
	bare := e.set.Machine
	bare.Stacks = nil
	for i, p := range s.Partitions {
		if d, err := bare.FindPart(p.OnPart); p.OnPart != "" && err == nil {
			s.Partitions[i].OnPart = short(d.Path)
		}
	}
	for _, d := range r.Disks {
		for _, v := range d.Parts {
			if v.Order > 0 && v.Order <= len(s.Partitions) && s.Partitions[v.Order-1].OnPart == "" {
				s.Partitions[v.Order-1].Disk = short(d.Path)
			}
		}
	}
	return s
}

// request is what layout.Make works on. Its identifiers are of no consequence.
func (e *Editor) request(s config.Storage) layout.Request {
	n := 0
	ids := func() string {
		n++
		return fmt.Sprintf("%08x-0000-4000-8000-%012x", n, n)
	}
	return layout.Request{Machine: e.set.Machine, Storage: s, Loader: e.set.Loader, Refused: e.set.Refused, IDs: ids}
}

func (e *Editor) take(s config.Storage) { e.adopt(s, layout.Make(e.request(s))) }

func (e *Editor) adopt(s config.Storage, made layout.Result) { e.now, e.made, e.rows = s, made, nil }

// Storage is the layout as it is now. It must not be changed.
func (e *Editor) Storage() config.Storage { return e.now }

// Changed reports whether there is a step to undo.
func (e *Editor) Changed() bool { return len(e.past) > 0 }

// Undo takes the last step back; false when there is none.
func (e *Editor) Undo() bool {
	if len(e.past) == 0 {
		return false
	}
	last := e.past[len(e.past)-1]
	e.past = e.past[:len(e.past)-1]
	e.take(last)
	return true
}

// Reset keeps everything that is there and makes nothing. It is a step too.
func (e *Editor) Reset() {
	e.past = append(e.past, e.now)
	e.take(config.Storage{})
}

// Begin goes on with what s says, as New does. It is a step.
func (e *Editor) Begin(s config.Storage) error {
	if p := layout.Make(e.request(s)).Problems; len(p) > 0 {
		return refused(p)
	}
	begun := New(e.set, s)
	e.past = append(e.past, e.now)
	e.take(begun.now)
	return nil
}

// Problems are why the layout can't be carried out as it is.
func (e *Editor) Problems() layout.Problems { return e.made.Problems }

// Warnings are what a person should know of it.
func (e *Editor) Warnings() []string { return e.made.Warnings }

// step tries s out, and takes it when nothing is wrong with it that wasn't wrong before.
func (e *Editor) step(s config.Storage) error {
	r := layout.Make(e.request(s))
	if wrong := worse(e.made.Problems, r.Problems); len(wrong) > 0 {
		return refused(wrong)
	}
	e.past = append(e.past, e.now)
	e.adopt(s, r)
	return nil
}

// worse are the problems that a step brings. What may still be made is none.
func worse(before, after layout.Problems) layout.Problems {
	var wrong layout.Problems
	for _, p := range after {
		known := slices.ContainsFunc(before, func(q layout.Problem) bool { return q.Code == p.Code && q.Subject == p.Subject })
		if !known && !open(p) {
			wrong = append(wrong, p)
		}
	}
	return wrong
}

// open reports whether p is mended by going on.
func open(p layout.Problem) bool {
	return p.Code == layout.NoRoot || p.Code == layout.NoBoot || p.Code == layout.NoTarget
}

func refused(problems layout.Problems) error {
	var lines []string
	for _, p := range problems {
		lines = append(lines, Words(p))
	}
	return errors.New(strings.Join(lines, "\n"))
}

// Words is p for a person who sees a table of devices, and writes no kickstart.
func Words(p layout.Problem) string {
	switch p.Code {
	case layout.NoTarget:
		return "nothing has been chosen yet"
	case layout.NoRoot:
		return "there is no root file system: give a device the mount point /"
	}
	hint := regexp.MustCompile(`\s*\([^()]*(clearpart|zerombr|part|raid|volgroup|logvol|btrfs) [^()]*\)`)
	p.Text = hint.ReplaceAllString(p.Text, "")
	return p.String()
}

// edit is a copy of the layout that a step may change.
func (e *Editor) edit() config.Storage {
	s := e.now
	s.Partitions, s.Arrays, s.Groups = slices.Clone(s.Partitions), slices.Clone(s.Arrays), slices.Clone(s.Groups)
	s.Logicals, s.Btrfs = slices.Clone(s.Logicals), slices.Clone(s.Btrfs)
	return s
}

func short(path string) string { return strings.TrimPrefix(path, "/dev/") }
