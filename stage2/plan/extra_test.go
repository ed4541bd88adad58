package plan

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
)

// TestExtraPackages: what is made needs its tools, and so does what is there already and is only mounted.
func TestExtraPackages(t *testing.T) {
	m := machine.Machine{
		Disks: []machine.Disk{{Path: "/dev/sda", Table: "gpt", Parts: []machine.Part{
			{Path: "/dev/sda1", Number: 1, FSType: "xfs", UUID: "X"}, {Path: "/dev/sda2", Number: 2, FSType: "linux_raid_member"},
			{Path: "/dev/sda3", Number: 3, FSType: "linux_raid_member"}, {Path: "/dev/sda4", Number: 4, FSType: "btrfs", UUID: "B"},
		}}},
		Stacks: []machine.Stack{
			{Kind: "raid", Name: "srv", Members: []string{"/dev/sda3"}, FSType: "ext4"},
			{Kind: "raid", Name: "pv", Device: "/dev/md127", Members: []string{"/dev/sda2"}, FSType: "crypto_LUKS"},
			{Kind: "luks", Device: "/dev/mapper/inner", Members: []string{"/dev/md127"}, FSType: "LVM2_member"},
			{Kind: "vg", Name: "vg0", Members: []string{"/dev/mapper/inner"}, Volumes: []machine.Stacked{
				{Name: "home", Device: "/dev/vg0/home", Kind: "linear", FSType: "ext4", UUID: "H"}, {Name: "p", Kind: "thin-pool"}}},
			{Kind: "btrfs", UUID: "B", Members: []string{"/dev/sda4"}},
		},
	}
	mount := func(device string) config.Storage {
		return config.Storage{Mounts: []config.MountPoint{{Device: device, Mount: "/srv"}}}
	}
	deep := []string{"cryptsetup", "cryptsetup-initramfs", "lvm2", "mdadm", "thin-provisioning-tools"}
	for name, tt := range map[string]struct {
		storage config.Storage
		want    []string
	}{
		"a plain layout":          {config.Storage{Partitions: []config.Partition{{Mount: "/"}}}, nil},
		"autopart on btrfs":       {config.Storage{Auto: &config.Autopart{Type: "btrfs"}}, []string{"btrfs-progs"}},
		"autopart, thin, LUKS":    {config.Storage{Auto: &config.Autopart{Type: "thinp", FSType: "xfs", LUKS: &config.LUKS{}}}, []string{"cryptsetup", "cryptsetup-initramfs", "lvm2", "thin-provisioning-tools", "xfsprogs"}},
		"mount of xfs":            {mount("UUID=X"), []string{"xfsprogs"}},
		"mount of a btrfs":        {mount("/dev/sda4"), []string{"btrfs-progs"}},
		"mount of an array":       {mount("/dev/md/srv"), []string{"mdadm"}},
		"mount of a volume":       {mount("/dev/vg0/home"), deep},
		"mount by UUID":           {mount("UUID=H"), deep},
		"mount as nothing":        {config.Storage{Mounts: []config.MountPoint{{Device: "/dev/vg0/home", Mount: "none"}}}, nil},
		"part --onpart":           {config.Storage{Partitions: []config.Partition{{Mount: "/x", OnPart: "sda1"}}}, []string{"xfsprogs"}},
		"raid --useexisting":      {config.Storage{Arrays: []config.Array{{Name: "pv", Format: config.Format{Existing: true}}}}, []string{"mdadm"}},
		"logvol --useexisting":    {config.Storage{Logicals: []config.Logical{{Name: "home", Group: "vg0", Format: config.Format{Existing: true}}}}, deep},
		"volgroup --useexisting":  {config.Storage{Groups: []config.VolumeGroup{{Name: "vg0", Existing: true}}}, deep},
		"a group of another name": {config.Storage{Groups: []config.VolumeGroup{{Name: "vg0"}}}, []string{"lvm2"}},
	} {
		got := ExtraPackages(config.Answers{Storage: tt.storage}, m)
		slices.Sort(got)
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		if n := len(ExtraPackages(config.Answers{Storage: tt.storage}, machine.Machine{})); n > len(got) {
			t.Errorf("%s: %d packages on an empty machine", name, n)
		}
	}
}
