package machine

import (
	"strings"
	"testing"
)

// stacked is a machine with all kinds of stacks.
func stacked() Machine {
	const gib = 1 << 30
	return Machine{
		Disks: []Disk{
			{Path: "/dev/sda", Links: []string{"/dev/disk/by-id/ata-A"}, Size: 100 * gib, Sector: 512, Table: "gpt", Parts: []Part{
				{Path: "/dev/sda1", Number: 1, Size: gib, Type: "c12a7328-f81f-11d2-ba4b-00a0c93ec93b", FSType: "vfat", Label: "EFI", UUID: "AAAA-0001", Name: "EFI System", PartUUID: "11111111-0000-4000-8000-000000000001"},
				{Path: "/dev/sda2", Number: 2, Size: 50 * gib, Type: "a19d880f-05fc-4d3b-a006-743f0f84911e", FSType: "linux_raid_member"},
				{Path: "/dev/sda3", Number: 3, Size: 40 * gib, FSType: "btrfs", Label: "data", UUID: "d0"},
			}},
			{Path: "/dev/sdb", Size: 100 * gib, Sector: 512, Table: "dos", Parts: []Part{
				{Path: "/dev/sdb1", Number: 1, Size: 60 * gib, Type: "0x5"},
				{Path: "/dev/sdb5", Number: 5, Size: 50 * gib, Type: "0xfd", FSType: "linux_raid_member", PartUUID: "1b2c3d4e-05"},
				{Path: "/dev/sdb6", Number: 6, Size: 40 * gib, FSType: "btrfs", Label: "data", UUID: "d0"},
			}},
			{Path: "/dev/sdc", Size: 10 * gib, Sector: 512, FSType: "crypto_LUKS", UUID: "c0"},
			{Path: "/dev/sdd", Size: 10 * gib, Sector: 512, FSType: "ext4", Label: "plain disk", UUID: "e0"},
		},
		Stacks: []Stack{
			{Kind: "raid", Name: "pv", UUID: "u", Level: "1", Members: []string{"/dev/sda2", "/dev/sdb5"}, Missing: 1, Device: "/dev/md127", Size: 49 * gib, FSType: "LVM2_member"},
			{Kind: "vg", Name: "vg-0", Members: []string{"/dev/md127"}, Size: 49 * gib, Free: 4 * gib, Volumes: []Stacked{
				{Name: "root", Device: "/dev/vg-0/root", Kind: "linear", Size: 20 * gib, FSType: "ext4", Label: "system", UUID: "f0"},
				{Name: "pool", Device: "/dev/vg-0/pool", Kind: "thin-pool", Size: 25 * gib},
				{Name: "home", Device: "/dev/vg-0/home", Kind: "thin", Size: 30 * gib},
			}},
			{Kind: "btrfs", Name: "data", UUID: "d0", Members: []string{"/dev/sda3", "/dev/sdb6"}, Volumes: []Stacked{{Name: "home", Kind: "subvolume"}}},
			{Kind: "luks", UUID: "c0", Members: []string{"/dev/sdc"}},
		},
	}
}

func TestFindPart(t *testing.T) {
	m := stacked()
	for spec, want := range map[string]string{
		"sda1": "/dev/sda1", "/dev/sda1": "/dev/sda1", "disk/by-id/ata-A-part1": "/dev/sda1",
		`/dev/disk/by-partlabel/EFI\x20System`: "/dev/sda1", "PARTLABEL=EFI System": "/dev/sda1", `PARTLABEL="EFI System"`: "/dev/sda1",
		"PARTUUID=11111111-0000-4000-8000-000000000001": "/dev/sda1", "UUID=aaaa-0001": "/dev/sda1",
		"disk/by-uuid/AAAA-0001": "/dev/sda1", "/dev/disk/by-label/EFI": "/dev/sda1", "sda[1]": "/dev/sda1",
		"PARTUUID=1B2C3D4E-05": "/dev/sdb5", "/dev/disk/by-partuuid/1b2c3d4e-05": "/dev/sdb5",
		"md/pv": "/dev/md127", "/dev/md127": "/dev/md127", "disk/by-id/md-uuid-u": "/dev/md127",
		"/dev/vg-0/root": "/dev/vg-0/root", "mapper/vg--0-root": "/dev/vg-0/root", "LABEL=system": "/dev/vg-0/root", "UUID=f0": "/dev/vg-0/root",
		"LABEL=data": "/dev/sda3", "UUID=d0": "/dev/sda3",
		"sdd": "/dev/sdd", "UUID=e0": "/dev/sdd", `/dev/disk/by-label/plain\x20disk`: "/dev/sdd",
	} {
		if d, err := m.FindPart(spec); err != nil || d.Path != want {
			t.Errorf("%q: %s, error %v; want %s", spec, d.Path, err, want)
		}
	}
	if d, _ := m.FindPart("LABEL=data"); d.Stack == nil || d.Stack.Kind != "btrfs" {
		t.Errorf("a btrfs over two partitions is found as %+v", d)
	}
	for spec, want := range map[string]string{
		"sda9":   `no partition or volume "sda9"; this machine has sda1, sda2, sda3, sdb5, sdb6, sdc, sdd, md127, vg-0/root, vg-0/home, sda3`,
		"sda*":   `"sda*" names more than one: sda1, sda2`,
		"sdb1":   "no partition", // the extended one
		"LABEL=": "no partition", "UUID=": "no partition", "FOO=x": "no partition", "": "no partition", "sd[": "no partition",
		"/dev/vg-0/pool": "no partition", // holds no file system
	} {
		if d, err := m.FindPart(spec); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %s, error %v; want %q", spec, d.Path, err, want)
		}
	}
	if _, err := (Machine{}).FindPart("sda1"); err == nil || !strings.Contains(err.Error(), "has none") {
		t.Errorf("without disks: %v", err)
	}
}

func TestStackWords(t *testing.T) {
	m := stacked()
	for _, tt := range []struct{ disk, want string }{
		{"sda", `3 partitions: EFI system (vfat "EFI", 1 GiB); RAID (50 GiB), part of RAID 1 array pv (3 devices, 1 missing, LVM2_member, 49 GiB), ` +
			`part of volume group vg-0 (3 volumes: root ext4 "system" 20 GiB, pool thin-pool 25 GiB, home thin 30 GiB; 4 GiB free); ` +
			`unknown (40 GiB), part of btrfs data (2 devices, subvolume home)`},
		{"sdc", "part of encrypted volume (LUKS)"},
		{"sdd", `ext4 file system "plain disk"`},
	} {
		d, err := m.Find(tt.disk)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Contents(d); got != tt.want {
			t.Errorf("Contents of %s:\n%s\nwant\n%s", tt.disk, got, tt.want)
		}
	}
	circle := Machine{Disks: []Disk{{Path: "/dev/sda", FSType: "x"}}, Stacks: []Stack{{Kind: "raid", Name: "a", Device: "/dev/sda", Members: []string{"/dev/sda"}}}}
	if got := circle.Contents(circle.Disks[0]); !strings.HasPrefix(got, "part of RAID") {
		t.Errorf("members in a circle: %q", got)
	}
}
