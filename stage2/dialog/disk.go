package dialog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/devices"
	"github.com/molt-installer/molt/stage2/machine"
)

// Ways to say what becomes of the disks, beside those of devices.Guided.
const (
	diskGiven  = "given"  // as the kickstart says
	diskManual = "manual" // device by device
)

// diskDraft is what becomes of the disks: what was chosen on each way is there when
// another one is tried.
type diskDraft struct {
	way     string
	disks   []string
	scheme  string
	fstype  string
	swap    bool
	home    bool
	mirror  bool
	shrink  string // the partition that is made smaller; empty: none
	smaller string // its size then, as typed
	encrypt bool
	pass    secretDraft

	seen   map[string]machine.Disk // each disk as it was found last, by path
	editor *devices.Editor         // of the manual way; nil until it is gone
	device deviceDraft             // the device that is being added or changed
}

func newDiskDraft(s *State) diskDraft {
	d := diskDraft{way: devices.Erase, scheme: "plain", fstype: "ext4", swap: true, home: true, seen: map[string]machine.Disk{}}
	d.others(s.Facts.Machine)
	given := s.Given.Storage
	if a := given.Auto; a != nil {
		d.scheme, d.fstype, d.swap, d.home = cmp.Or(a.Type, "plain"), cmp.Or(a.FSType, "ext4"), !a.NoSwap, !a.NoHome
	}
	if storageGiven(given) {
		d.way = diskGiven
	}
	offered := machine.Machine{Disks: s.Facts.Disks}
	for _, spec := range given.Clear.Drives {
		for _, at := range offered.FindAll(spec) {
			if !slices.Contains(d.disks, at.Path) {
				d.disks = append(d.disks, at.Path)
			}
		}
	}
	if len(d.disks) == 0 && len(s.Facts.Disks) == 1 {
		d.disks = []string{s.Facts.Disks[0].Path}
	}
	return d
}

// storageGiven reports whether a kickstart says what is to be made.
func storageGiven(s config.Storage) bool {
	return s.Auto != nil || len(s.Partitions)+len(s.Mounts)+len(s.Logicals)+len(s.Arrays)+len(s.Btrfs) > 0
}

func diskPage() Page {
	return Page{
		ID: "destination", Title: "Destination",
		Help: "What becomes of the disks. Nothing is written before everything has been shown and confirmed.\n" +
			"The guided ways make all that is needed: on whole disks, whose contents are lost, or in the room that is free beside what is there. " +
			"LVM and btrfs can use several disks as one. Thin volumes take room only as they are filled.\n" +
			"A mirror (RAID 1) keeps everything on two disks, either of which starts the machine when the other one fails.\n" +
			"The manual way shows all devices in a table. What is kept there is not written to.",
		Fields:   diskFields,
		Leave:    func(_ context.Context, s *State) error { return s.disk.sound(s) },
		answered: func(s *State) bool { return storageGiven(s.Given.Storage) },
		answer: func(s *State, a *config.Answers) error {
			storage, err := s.disk.storage(s)
			if err != nil { // missing says why; until then no disk is named
				storage = config.Storage{}
			}
			a.Storage = storage
			return nil
		},
		summary: diskSummary,
		missing: func(s *State) string {
			if err := s.disk.sound(s); err != nil {
				return s.Words.Said(err.Error())
			}
			return ""
		},
	}
}

// setup is what a layout is made on.
func (s *State) setup() devices.Setup {
	return devices.Setup{Machine: s.Facts.Machine, Refused: s.Facts.Refused, Loader: s.Given.Boot}
}

func diskFields(s *State) []Field {
	d, w := &s.disk, s.Words
	ways := []Option{
		{Value: devices.Erase, Label: w.T("use whole disks: what is on them is lost")},
		{Value: devices.Beside, Label: w.T("use free room, beside what is there")},
		{Value: diskManual, Label: w.T("by hand, device by device")},
	}
	if storageGiven(s.Given.Storage) {
		ways = append([]Option{{Value: diskGiven, Label: w.T("as the kickstart file says")}}, ways...)
	}
	fields := []Field{Choice{Key: "way", Label: w.T("How are the disks to be used?"), Options: ways, Value: &d.way}}
	switch d.way {
	case diskGiven:
		return fields
	case diskManual:
		return append(fields, d.manual(s)...)
	}
	return append(fields, d.guided(s)...)
}

// storage is the layout that was chosen.
func (d *diskDraft) storage(s *State) (config.Storage, error) {
	switch d.way {
	case diskGiven:
		return s.Given.Storage, nil
	case diskManual:
		return d.edited(s).Storage(), nil
	}
	g, err := d.choices(s)
	if err != nil {
		return config.Storage{}, err
	}
	return g.Storage(s.setup())
}

// sound says what is wrong with what was chosen, and why it can't be made.
func (d *diskDraft) sound(s *State) error {
	switch d.way {
	case diskGiven:
		return nil
	case diskManual:
		for _, p := range d.edited(s).Problems() {
			return errors.New(devices.Words(p))
		}
		return nil
	}
	for _, path := range d.disks {
		if !slices.ContainsFunc(s.Facts.Disks, func(at machine.Disk) bool { return at.Path == path }) {
			return fmt.Errorf("the disk %s is not there any more; choose another one", path)
		}
	}
	storage, err := d.storage(s)
	if err != nil {
		return err
	}
	for _, p := range devices.Check(s.setup(), storage) {
		return errors.New(devices.Words(p))
	}
	return nil
}

// diskSummary tells what was chosen in a few lines.
func diskSummary(s *State) []string {
	d, w := &s.disk, s.Words
	switch d.way {
	case diskGiven:
		return []string{w.T("as the kickstart file says")}
	case diskManual:
		return d.mounted(s)
	}
	var lines []string
	for _, path := range d.disks {
		at := path
		if found, err := s.Facts.Machine.Find(path); err == nil {
			at = found.Describe()
		}
		lines = append(lines, at)
	}
	how := w.T("whole disks")
	if d.way == devices.Beside {
		how = w.T("beside what is there")
	}
	parts := []string{how, optionLabel(d.schemes(s), d.scheme)}
	if d.scheme != "btrfs" {
		parts = append(parts, d.fstype)
	}
	if d.mirrored() {
		parts = append(parts, w.T("mirrored"))
	}
	if d.encrypt {
		parts = append(parts, w.T("encrypted"))
	}
	return append(lines, strings.Join(parts, ", "))
}

func optionLabel(options []Option, value string) string {
	for _, o := range options {
		if o.Value == value {
			return o.Label
		}
	}
	return value
}

// mounted are the devices that are used, a line each.
func (d *diskDraft) mounted(s *State) []string {
	var lines []string
	for _, r := range d.edited(s).Rows() {
		switch {
		case r.Mount != "":
			lines = append(lines, s.Words.T("%s on %s (%s)", r.Mount, r.Device, strings.TrimSpace(willBe(s, r))))
		case r.As == devices.AsSwap && r.Fate != devices.Untouched:
			lines = append(lines, s.Words.T("swap on %s", r.Device))
		}
	}
	return lines
}
