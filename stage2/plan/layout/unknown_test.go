package layout_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/plan/layout"
)

// TestUnknown: what could not be read is not erased in silence, and isn't kept on trust.
func TestUnknown(t *testing.T) {
	m := twoDisks()
	m.Disks[0].Table = "gpt"
	for i, kind := range []string{"", "LVM2_member", "ext4", "btrfs"} {
		m.Disks[0].Parts = append(m.Disks[0].Parts, machine.Part{Path: "/dev/sda" + string(rune('1'+i)), Number: i + 1, Start: int64(1+i) * gib, Size: gib, FSType: kind, UUID: "u" + kind})
	}
	m.Stacks = []machine.Stack{{Kind: "btrfs", UUID: "ubtrfs", Members: []string{"/dev/sda4"}}}
	groups, subvolumes := "volume groups on /dev/sda2, /dev/sdc1: lvm: exit status 5", "subvolumes on /dev/sda4: btrfs: killed"
	onB := func(s config.Storage, parts ...config.Partition) config.Storage {
		s.Zerombr = true
		s.Partitions = append(parts, part("biosboot", 1, on("sdb")), part("/", 5000, on("sdb")))
		return s
	}
	all := config.Storage{Clear: config.Clear{Mode: "all", Drives: []string{"sda"}}}
	for name, tt := range map[string]struct {
		unknown string
		storage config.Storage
		warning string
		code    layout.Code
	}{
		"nothing unknown":             {"", onB(all), "", ""},
		"erased, unreadable":          {"/dev/sda1: input/output error", onB(all), "/dev/sda1 is erased, and what it is part of could not be found out (/dev/sda1: input/output error)", ""},
		"erased, group unread":        {groups, onB(all), "/dev/sda2 is erased", ""},
		"erased, subvolumes unread":   {subvolumes, onB(all), "", ""},
		"beside it":                   {"/dev/sda1: input/output error", onB(config.Storage{}, keep("/dev/sda3", "/data")), "", ""},
		"on a disk that isn't named":  {"/dev/sda1: input/output error", onB(config.Storage{}), "", ""},
		"a longer name":               {"/dev/sda10: input/output error", onB(all), "", ""},
		"kept":                        {"/dev/sda3: input/output error", onB(config.Storage{}, keep("/dev/sda3", "/data")), "", layout.BadReference},
		"kept, subvolumes unread":     {subvolumes, onB(config.Storage{Btrfs: []config.Btrfs{{Mount: "/b", Subvolume: "b", Parent: "UUID=ubtrfs"}}}), "", layout.BadReference},
		"a group that can't be found": {groups, onB(config.Storage{Groups: []config.VolumeGroup{{Name: "vg0", Existing: true}}}), "", layout.BadReference},
	} {
		m.Unknown = nil
		if tt.unknown != "" {
			m.Unknown = []string{tt.unknown}
		}
		r := layout.Make(request(m, tt.storage))
		text := strings.Join(r.Warnings, "\n")
		switch {
		case tt.code == "" && len(r.Problems) > 0 || tt.code != "" && (len(r.Problems) != 1 || !r.Problems.Has(tt.code) || !strings.Contains(r.Problems[0].Text, tt.unknown)):
			t.Errorf("%s: %v", name, r.Problems)
		case tt.code == "" && (tt.warning == "" && strings.Contains(text, "found out") || !strings.Contains(text, tt.warning)):
			t.Errorf("%s: warnings %q", name, r.Warnings)
		}
	}
}

// TestUnknownGroup: of an array that doesn't run nobody knows which group it is in.
func TestUnknownGroup(t *testing.T) {
	m := machines(t)["raid-bios"]
	s := everything(part("biosboot", 1, on("sda")), part("/", 5000, on("sda")))
	s.Clear.Drives = []string{"sda", "sdb"}
	r := layout.Make(request(m, s))
	if len(r.Problems) > 0 || !slices.ContainsFunc(r.Warnings, func(w string) bool { return strings.HasPrefix(w, "the array pv is erased") }) {
		t.Errorf("%v %q", r.Problems, r.Warnings)
	}
}
