package layout

import (
	"strings"
	"testing"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
)

// TestBootSectorOf: without the disk's first sector no BIOS boot partition is needed, and the
// partition with the kernels must be one that a BIOS can start.
func TestBootSectorOf(t *testing.T) {
	plain := Volume{Device: "/dev/sda2", Mount: "/boot", FSType: "ext4"}
	in := func(fstype, device string) Volume { return Volume{Device: device, Mount: "/boot", FSType: fstype} }
	partition := config.Bootloader{Location: "partition"}
	for name, tt := range map[string]struct {
		loader config.Bootloader
		boot   Volume
		layers []Layer
		want   string
	}{
		"ext4":             {partition, plain, nil, ""},
		"none":             {config.Bootloader{NoMBR: true}, plain, nil, ""},
		"the disk":         {config.Bootloader{}, plain, nil, "needs a BIOS boot partition"},
		"xfs":              {partition, in("xfs", "/dev/sda2"), nil, "xfs has no room for a boot sector"},
		"xfs, none":        {config.Bootloader{NoMBR: true}, in("xfs", "/dev/sda2"), nil, ""},
		"an array":         {partition, in("ext4", "/dev/md/boot"), []Layer{{Kind: RAID, Name: "boot", Device: "/dev/md/boot", On: []string{"/dev/sda2", "/dev/sdb2"}, Level: "1"}}, "can't start from array boot"},
		"a volume":         {partition, in("ext4", "/dev/vg/boot"), []Layer{{Kind: Group, Name: "vg", On: []string{"/dev/sda2"}}, {Kind: LV, Name: "boot", Group: "vg", Device: "/dev/vg/boot"}}, "can't start from logical volume boot"},
		"btrfs":            {partition, in("btrfs", "/dev/sda2"), []Layer{{Kind: Btrfs, Name: "b", Device: "/dev/sda2", On: []string{"/dev/sda2"}}}, ""},
		"btrfs over disks": {partition, in("btrfs", "/dev/sda2"), []Layer{{Kind: Btrfs, Name: "b", Device: "/dev/sda2", On: []string{"/dev/sda2", "/dev/sdb2"}}}, "can't start from btrfs b"},
	} {
		m := &maker{}
		m.Loader = tt.loader
		m.Machine.Firmware = "bios"
		m.Disks = []Disk{{Path: "/dev/sda", Table: "gpt", Kept: true, Parts: []Volume{{Device: "/dev/sda2"}}}}
		m.Volumes, m.Layers = []Volume{tt.boot}, tt.layers
		m.disks = []*disk{{Disk: machine.Disk{Path: "/dev/sda"}, room: true}}
		m.boot()
		got := ""
		if len(m.Problems) > 0 {
			got = m.Problems.Error()
		}
		if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
		if got == "" && (len(m.Warnings) != 1 || !strings.Contains(m.Warnings[0], "first sector") || len(m.Boot) > 0) {
			t.Errorf("%s: warned of %q, boots from %v", name, m.Warnings, m.Boot)
		}
	}
}

// TestBootSectorNobodys: where every disk gets a new table nothing is left that starts a system
// without a first sector of its own.
func TestBootSectorNobodys(t *testing.T) {
	for _, loader := range []config.Bootloader{{Location: "partition"}, {NoMBR: true}} {
		for name, tt := range map[string]struct {
			kept   bool
			others []machine.Disk
			bad    bool
		}{
			"the only disk":      {bad: true},
			"a stick beside it":  {others: []machine.Disk{{Path: "/dev/sdb", Size: gib, Removable: true}}, bad: true},
			"an empty reader":    {others: []machine.Disk{{Path: "/dev/sdb"}}, bad: true},
			"another disk":       {others: []machine.Disk{{Path: "/dev/sdb", Size: gib}}},
			"its table stays":    {kept: true},
			"with a second disk": {kept: true, others: []machine.Disk{{Path: "/dev/sdb", Size: gib}}},
		} {
			m := &maker{}
			m.Loader = loader
			m.Machine.Firmware = machine.BIOS
			m.Machine.Disks = append([]machine.Disk{{Path: "/dev/sda", Size: gib}}, tt.others...)
			m.Disks = []Disk{{Path: "/dev/sda", Table: "dos", Kept: tt.kept, Parts: []Volume{{Device: "/dev/sda1", Mount: "/", FSType: "ext4"}}}}
			m.disks = []*disk{{Disk: m.Machine.Disks[0], room: true}}
			m.boot()
			if m.Problems.Has(NoBoot) != tt.bad || tt.bad && !strings.Contains(m.Problems.Error(), "--location=none") {
				t.Errorf("%+v, %s: %v", loader, name, m.Problems)
			}
		}
	}
}
