package layout_test

import (
	"slices"
	"testing"

	diff "github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/plan/layout"
)

// TestListedDisk: clearpart --list can name what is on a disk without a table, beside
// partitions of other disks; a disk that it doesn't name keeps what it holds.
func TestListedDisk(t *testing.T) {
	m := machine.Machine{Firmware: machine.BIOS, Memory: gib, Disks: []machine.Disk{
		{Path: "/dev/sda", Size: 20 * gib, Sector: 512, Table: "dos", Parts: []machine.Part{{Path: "/dev/sda1", Number: 1, Start: mib, Size: 10 * gib, Type: "0x83"}, {Path: "/dev/sda2", Number: 2, Start: 11 * gib, Size: gib, Type: "0x7"}}},
		{Path: "/dev/sdb", Size: 20 * gib, Sector: 512, FSType: "xfs"},
		{Path: "/dev/sdc", Size: 20 * gib, Sector: 512, FSType: "xfs"},
	}}
	s := config.Storage{Clear: config.Clear{Mode: "list", List: []string{"sda1", "sdb"}, InitLabel: true},
		Partitions: []config.Partition{part("/", 5000, on("sda")), part("/srv", 5000, on("sdb"))}}
	r := layout.Make(request(m, s))
	if len(r.Problems) > 0 || len(r.Disks) != 2 {
		t.Fatalf("%d disks, %v", len(r.Disks), r.Problems)
	}
	if a, b := r.Disks[0], r.Disks[1]; !a.Kept || len(a.Lost) != 1 || b.Kept || b.LostFS != "xfs" || b.Table != "gpt" {
		t.Errorf("sda loses %v, sdb %q and gets %q", a.Lost, b.LostFS, b.Table)
	}
	s.Clear.List = []string{"sda1", "nosuch"}
	if r := layout.Make(request(m, s)); !r.Problems.Has(layout.DiskUnknown) {
		t.Errorf("a name that is nothing: %v", r.Problems)
	}
	s.Clear.List, s.Partitions[1].Disk = []string{"sda1"}, "sdc"
	if r := layout.Make(request(m, s)); !r.Problems.Has(layout.DiskKept) {
		t.Errorf("a disk that isn't listed: %v", r.Problems)
	}
}

// TestSpell: single requests make the layout that autopart makes.
func TestSpell(t *testing.T) {
	for name, m := range machines(t) {
		if name == "raid-bios" || name == "uefi-btrfs" {
			continue // half of an array, or of a btrfs, would go
		}
		disk := m.Disks[slices.IndexFunc(m.Disks, func(d machine.Disk) bool { return d.InUse == "" })]
		for _, kind := range []string{"plain", "lvm", "thinp", "btrfs"} {
			s := config.Storage{Zerombr: true, OnlyUse: []string{disk.Name()}, Clear: config.Clear{Mode: "all", Drives: []string{disk.Name()}, InitLabel: true}, Auto: &config.Autopart{Type: kind}}
			spelled, problems := layout.Spell(request(m, s))
			if len(problems) > 0 || spelled.Auto != nil {
				t.Fatalf("%s, %s: %v", name, kind, problems)
			}
			for i, g := range spelled.Groups { // autopart reserves no more than 100 GiB
				if disk.Size/5 > 100*gib {
					spelled.Groups[i].ReservedMiB, spelled.Groups[i].ReservedPercent = int64(g.ReservedPercent)*5*1024, 0
				}
			}
			auto, single := layout.Make(request(m, s)), layout.Make(request(m, spelled))
			if d := diff.Diff(auto, single); d != "" || len(auto.Problems) > 0 {
				t.Errorf("%s, %s (-autopart +single): %v\n%s", name, kind, auto.Problems, d)
			}
		}
	}
}

// TestRooms: the rooms of a layout are what no partition has, and a disk that nobody writes has the
// partitions it had.
func TestRooms(t *testing.T) {
	for name, m := range machines(t) {
		for _, d := range m.Disks {
			as := layout.AsItIs(d)
			if as.Rewritten() || len(as.Parts) != len(d.Parts) {
				t.Errorf("%s: %s would be written: %+v", name, d.Path, as)
			}
			for _, r := range as.Rooms() {
				if r.Size <= 0 || r.Start%mib != 0 || r.Start+r.Size > d.Size {
					t.Errorf("%s: %s has room at %d of %d", name, d.Path, r.Start, r.Size)
				}
				for _, p := range d.Parts {
					if p.Use() != "extended" && p.Start < r.Start+r.Size && r.Start < p.Start+p.Size {
						t.Errorf("%s: room at %d of %d is in %s", name, r.Start, r.Size, p.Path)
					}
				}
			}
		}
	}
	dual := machines(t)["dualboot-uefi"].Disks[0]
	if rooms := layout.AsItIs(dual).Rooms(); len(rooms) != 1 || rooms[0].Size < 500*gib {
		t.Errorf("beside Windows: %v", rooms)
	}
}
