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
		m.Disks = []Disk{{Path: "/dev/sda", Table: "gpt", Parts: []Volume{{Device: "/dev/sda2"}}}}
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
