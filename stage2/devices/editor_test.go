package devices_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/devices"
	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/plan"
)

// hand is a layout made by hand, and the kickstart that it is.
type hand struct {
	machine string
	steps   func(t *testing.T, e *devices.Editor)
	want    string
	lost    string // what the plan says is lost; empty: nothing
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func hands() map[string]hand {
	return map[string]hand{
		"beside Windows": {"dualboot-uefi", func(t *testing.T, e *devices.Editor) {
			must(t, e.Change("part:/dev/nvme0n1p1", devices.Spec{Keep: true, Mount: "/boot/efi"}))
			must(t, e.AddPartition("/dev/nvme0n1", devices.Spec{As: "swap", SizeMiB: 16384}))
			must(t, e.AddPartition("/dev/nvme0n1", devices.Spec{As: "ext4", Mount: "/", SizeMiB: 40960, Rest: true, Label: "root"}))
		}, `part /boot/efi --onpart=nvme0n1p1 --noformat
part swap --size=16384 --ondisk=nvme0n1
part / --fstype=ext4 --size=40960 --grow --ondisk=nvme0n1 --label=root
`, ""},
		"a new system in the old group": {"lvm-uefi", func(t *testing.T, e *devices.Editor) {
			must(t, e.Change("part:/dev/sda2", devices.Spec{As: "ext4", Mount: "/boot"}))
			must(t, e.Change(lvm+"/root", devices.Spec{As: "xfs", Mount: "/"}))
			must(t, e.Change(lvm+"/home", devices.Spec{Keep: true, Mount: "/home"}))
			must(t, e.Change(lvm+"/swap", devices.Spec{As: "swap"}))
			must(t, e.AddLogical(lvm, devices.LogicalSpec{Name: "srv", Spec: devices.Spec{As: "ext4", Mount: "/srv", SizeMiB: 1024, LUKS: &config.LUKS{Passphrase: "p"}}}))
		}, `part /boot --fstype=ext4 --onpart=sda2
volgroup vg0 --useexisting
logvol / --fstype=xfs --vgname=vg0 --name=root --useexisting
logvol /home --vgname=vg0 --name=home --noformat
logvol swap --vgname=vg0 --name=swap --useexisting
logvol /srv --fstype=ext4 --vgname=vg0 --name=srv --size=1024 --encrypted --passphrase=p
`, "/dev/sda2: Linux (ext4, 488 MiB)\n/dev/vg0/root: what is on it\n/dev/vg0/swap: what is on it"},
		"a mirror with LVM": {"two-disks", func(t *testing.T, e *devices.Editor) {
			must(t, e.Delete("disk:/dev/sda"))
			must(t, e.NewTable("/dev/sdb", "gpt"))
			for _, disk := range []string{"/dev/sda", "/dev/sdb"} {
				must(t, e.AddPartition(disk, devices.Spec{As: "biosboot", SizeMiB: 1}))
				must(t, e.AddPartition(disk, devices.Spec{As: "raid", SizeMiB: 51200}))
			}
			must(t, e.AddArray(devices.ArraySpec{Name: "pv", Level: "1", Members: []string{"new:2", "new:4"}, Spec: devices.Spec{As: "pv"}}))
			must(t, e.AddGroup("sys", []string{"raid:pv"}))
			must(t, e.AddLogical("vg:sys", devices.LogicalSpec{Name: "root", Spec: devices.Spec{As: "ext4", Mount: "/", Rest: true}}))
		}, `clearpart --all --drives=sda,sdb --initlabel --disklabel=gpt
part biosboot --fstype=biosboot --size=1 --ondisk=sda
part raid.1 --size=51200 --ondisk=sda
part biosboot --fstype=biosboot --size=1 --ondisk=sdb
part raid.2 --size=51200 --ondisk=sdb
raid pv.1 --device=pv --level=1 raid.1 raid.2
volgroup sys pv.1
logvol / --fstype=ext4 --vgname=sys --name=root --size=1 --grow
`, `/dev/sda1: Linux (ext2 "boot", 976 MiB)` + "\n/dev/sda2: extended (1.8 TiB)\n/dev/sda5: swap (swap, 4 GiB)\n" + `/dev/sda6: Linux (xfs "srv", 1.8 TiB)` + "\n/dev/sdb 238.5 GiB Samsung SSD 850: empty"},
		"some partitions of one disk and all of another": {"two-disks", func(t *testing.T, e *devices.Editor) {
			must(t, e.Delete("part:/dev/sda1"))
			must(t, e.NewTable("/dev/sdb", "msdos"))
			must(t, e.AddPartition("/dev/sdb", devices.Spec{As: "ext4", Mount: "/", Rest: true}))
			must(t, e.Change("part:/dev/sda6", devices.Spec{Keep: true, Mount: "/srv"}))
		}, `clearpart --list=sda1 --drives=sdb,sda --initlabel --disklabel=msdos
part / --fstype=ext4 --size=1 --grow --ondisk=sdb
part /srv --onpart=sda6 --noformat
`, "/dev/sdb 238.5 GiB Samsung SSD 850: empty\n" + `/dev/sda1: Linux (ext2 "boot", 976 MiB)`},
		"a smaller file system": {"bios-512m", func(t *testing.T, e *devices.Editor) {
			must(t, e.Change("part:/dev/sda1", devices.Spec{Keep: true, SizeMiB: 8192}))
			must(t, e.AddPartition("/dev/sda", devices.Spec{As: "ext4", Mount: "/", Rest: true}))
		}, `part none --onpart=sda1 --size=8192 --resize --noformat
part / --fstype=ext4 --size=1 --grow --ondisk=sda
`, ""},
		"a new subvolume beside the old": {"uefi-btrfs", func(t *testing.T, e *devices.Editor) {
			must(t, e.Change(tree+"/home", devices.Spec{Keep: true, Mount: "/home"}))
			must(t, e.AddSubvolume(tree, "debian", "/"))
		}, `btrfs none --useexisting UUID=6d6f6c74-0006-4000-8000-0000000000f1
btrfs /home --subvol --name=home --useexisting UUID=6d6f6c74-0006-4000-8000-0000000000f1
btrfs / --subvol --name=debian UUID=6d6f6c74-0006-4000-8000-0000000000f1
`, ""},
		"thin volumes on an encrypted group": {"uefi-nvme", func(t *testing.T, e *devices.Editor) {
			must(t, e.Delete("part:/dev/nvme0n1p3"))
			must(t, e.AddPartition("/dev/nvme0n1", devices.Spec{As: "ext4", Mount: "/boot", SizeMiB: 1024}))
			must(t, e.AddPartition("/dev/nvme0n1", devices.Spec{As: "pv", SizeMiB: 102400, LUKS: &config.LUKS{Passphrase: "p"}}))
			must(t, e.AddGroup("sys", []string{"new:2"}))
			must(t, e.AddLogical("vg:sys", devices.LogicalSpec{Name: "pool", Thin: true, Spec: devices.Spec{SizeMiB: 51200}}))
			must(t, e.AddLogical("vg:sys", devices.LogicalSpec{Name: "root", Pool: "pool", Spec: devices.Spec{As: "ext4", Mount: "/", SizeMiB: 20480}}))
		}, `clearpart --list=nvme0n1p3
part /boot --fstype=ext4 --size=1024 --ondisk=nvme0n1
part pv.1 --size=102400 --ondisk=nvme0n1 --encrypted --passphrase=p
volgroup sys pv.1
logvol none --vgname=sys --name=pool --size=51200 --thinpool
logvol / --fstype=ext4 --vgname=sys --name=root --size=20480 --thin --poolname=pool
`, `/dev/nvme0n1p3: Windows (ntfs "Windows", 475.7 GiB)`},
		"a btrfs over two": {"server-64g", func(t *testing.T, e *devices.Editor) {
			for _, disk := range []string{"/dev/nvme0n1", "/dev/nvme1n1"} {
				must(t, e.NewTable(disk, "gpt"))
				must(t, e.AddPartition(disk, devices.Spec{As: "btrfs.", Rest: true}))
			}
			must(t, e.AddPartition("/dev/nvme0n1", devices.Spec{As: "efi", SizeMiB: 512}))
			must(t, e.AddBtrfs(devices.BtrfsSpec{Label: "tree", Members: []string{"new:1", "new:2"}, Data: "raid1", Metadata: "raid1"}))
			must(t, e.AddSubvolume("btrfs:0", "root", "/"))
			must(t, e.AddSubvolume("btrfs:0", "home", "/home"))
		}, `clearpart --all --drives=nvme0n1,nvme1n1 --initlabel --disklabel=gpt
part btrfs.1 --size=1 --grow --ondisk=nvme0n1
part btrfs.2 --size=1 --grow --ondisk=nvme1n1
part /boot/efi --fstype=efi --size=512 --ondisk=nvme0n1
btrfs none --label=tree --data=raid1 --metadata=raid1 btrfs.1 btrfs.2
btrfs / --subvol --name=root LABEL=tree
btrfs /home --subvol --name=home LABEL=tree
`, "/dev/nvme0n1 447.1 GiB VO000480KXALB: empty\n/dev/nvme1n1 447.1 GiB VO000480KXALB: empty"},
	}
}

const (
	lvm  = "old:vg:Yc8m2V-1pQr-7sTu-v3Wx-YzAb-4CdE-fGh5Ij"
	tree = "old:btrfs:6d6f6c74-0006-4000-8000-0000000000f1"
)

// TestByHand: steps make the lines that one would write, the plan loses what was given up and
// no more, and an editor that begins with them has the same rows.
func TestByHand(t *testing.T) {
	all := machines(t)
	for name, h := range hands() {
		t.Run(name, func(t *testing.T) {
			e := devices.New(setup(all[h.machine]), config.Storage{})
			h.steps(t, e)
			s := e.Storage()
			checkWritten(t, s)
			if _, got, _ := strings.Cut(text(s), "\n"); got != h.want {
				t.Errorf("got\n%s\nwant\n%s", got, h.want)
			}
			p, problems := build(all[h.machine], s)
			if p == nil {
				t.Fatal(problems)
			}
			var lost []string
			for _, l := range p.Lost() {
				if !strings.HasSuffix(l, ":") { // a disk's head
					lost = append(lost, strings.TrimSpace(l))
				}
			}
			if got := strings.Join(lost, "\n"); got != h.lost {
				t.Errorf("lost:\n%s\nwant\n%s", got, h.lost)
			}
			again := devices.New(setup(all[h.machine]), s)
			if text(again.Storage()) != text(s) {
				t.Errorf("begun with it, it says\n%s", text(again.Storage()))
			}
		})
	}
}

// TestFromGuided: the layout of a few choices is where a person can begin, and makes the same plan.
func TestFromGuided(t *testing.T) {
	m := machines(t)["uefi-nvme"]
	for _, scheme := range []string{"plain", "lvm", "thinp", "btrfs"} {
		s, err := devices.Guided{Disks: []string{"/dev/nvme0n1"}, How: devices.Erase, Scheme: scheme, FSType: "ext4"}.Storage(setup(m))
		must(t, err)
		e := devices.New(setup(m), s)
		checkWritten(t, e.Storage())
		want, _ := build(m, s)
		got, problems := build(m, e.Storage())
		if got == nil || got.Storage() != want.Storage() {
			t.Fatalf("%s: %v\n%s", scheme, problems, text(e.Storage()))
		}
		before := len(e.Rows())
		must(t, e.AddPartition("/dev/nvme0n1", devices.Spec{As: "ext4", Mount: "/var/log", SizeMiB: 2048}))
		if len(e.Rows()) <= before-1 {
			t.Errorf("%s: no more rows than before", scheme)
		}
	}
}

// TestRefusals: what can't be is said at once, in words, and nothing changes.
func TestRefusals(t *testing.T) {
	all := machines(t)
	base := func(e *devices.Editor) {
		must(t, e.NewTable("/dev/nvme0n1", "gpt"))
		must(t, e.AddPartition("/dev/nvme0n1", devices.Spec{As: "ext4", Mount: "/", SizeMiB: 20480}))
		must(t, e.AddPartition("/dev/nvme0n1", devices.Spec{As: "pv", SizeMiB: 20480}))
		must(t, e.AddGroup("sys", []string{"new:2"}))
	}
	for want, step := range map[string]func(e *devices.Editor) error{
		"/: is asked for twice": func(e *devices.Editor) error {
			return e.AddPartition("/dev/nvme0n1", devices.Spec{As: "xfs", Mount: "/", SizeMiB: 1000})
		},
		"is not a mount point; use an absolute path": func(e *devices.Editor) error {
			return e.AddPartition("/dev/nvme0n1", devices.Spec{As: "ext4", Mount: "srv", SizeMiB: 1000})
		},
		"xfs needs at least 300 MiB": func(e *devices.Editor) error {
			return e.AddPartition("/dev/nvme0n1", devices.Spec{As: "xfs", Mount: "/srv", SizeMiB: 100})
		},
		"/dev/nvme0n1: is 447.1 GiB, and the partitions need 1 TiB more": func(e *devices.Editor) error {
			return e.AddPartition("/dev/nvme0n1", devices.Spec{As: "xfs", Mount: "/srv", SizeMiB: 1470000})
		},
		"it is a part of the volume group sys; delete that first": func(e *devices.Editor) error { return e.Delete("new:2") },
		"LVM names have letters": func(e *devices.Editor) error {
			return e.AddLogical("vg:sys", devices.LogicalSpec{Name: "a b", Spec: devices.Spec{As: "ext4", SizeMiB: 1000}})
		},
		"they need 10 GiB more": func(e *devices.Editor) error {
			return e.AddLogical("vg:sys", devices.LogicalSpec{Name: "srv", Spec: devices.Spec{As: "ext4", Mount: "/srv", SizeMiB: 30716}})
		},
		"choose what it is to be made of": func(e *devices.Editor) error { return e.AddGroup("other", nil) },
		"has no passphrase": func(e *devices.Editor) error {
			return e.AddPartition("/dev/nvme0n1", devices.Spec{As: "ext4", Mount: "/srv", SizeMiB: 1000, LUKS: &config.LUKS{}})
		},
		"all new tables of an installation are of one kind": func(e *devices.Editor) error { return e.NewTable("/dev/nvme1n1", "msdos") },
		"has no partition table, but holds something": func(e *devices.Editor) error {
			return e.AddPartition("/dev/sdz", devices.Spec{As: "ext4", Mount: "/srv", SizeMiB: 1000})
		},
	} {
		m := all["server-64g"]
		m.Disks = append(slices.Clone(m.Disks), machine.Disk{Path: "/dev/sdz", Size: 1 << 34, FSType: "xfs"})
		e := devices.New(setup(m), config.Storage{})
		base(e)
		before := text(e.Storage())
		err := step(e)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		if text(e.Storage()) != before {
			t.Errorf("%q has changed something", want)
		}
	}
}

// TestOpen: what isn't there yet is no reason to refuse a step, and is said all the while.
func TestOpen(t *testing.T) {
	for name, c := range map[string]struct{ label, want string }{
		"bios-virtio": {"gpt", "needs a BIOS boot partition"},
		"server-64g":  {"gpt", "needs an EFI system partition"},
	} {
		m := machines(t)[name]
		e := devices.New(setup(m), config.Storage{})
		if p := e.Problems(); len(p) == 0 || devices.Words(p[0]) != "nothing has been chosen yet" {
			t.Errorf("at first: %v", p)
		}
		must(t, e.NewTable(m.Disks[0].Path, c.label))
		if p := e.Problems(); len(p) != 1 || devices.Words(p[0]) != "there is no root file system: give a device the mount point /" {
			t.Errorf("with an empty disk: %v", p)
		}
		must(t, e.AddPartition(m.Disks[0].Path, devices.Spec{As: "ext4", Mount: "/", SizeMiB: 5000}))
		if p := e.Problems(); len(p) != 1 || !strings.Contains(devices.Words(p[0]), c.want) || strings.Contains(devices.Words(p[0]), "--size") {
			t.Errorf("with a root: %v", p)
		}
	}
}

// TestGone: a disk that vanishes while it is edited is said at its row, and all else stays.
func TestGone(t *testing.T) {
	m := machines(t)["server-64g"]
	e := devices.New(setup(m), config.Storage{})
	must(t, e.NewTable("/dev/nvme0n1", "gpt"))
	must(t, e.NewTable("/dev/nvme1n1", "gpt"))
	must(t, e.AddPartition("/dev/nvme0n1", devices.Spec{As: "ext4", Mount: "/", SizeMiB: 5000}))
	must(t, e.AddPartition("/dev/nvme1n1", devices.Spec{As: "ext4", Mount: "/srv", SizeMiB: 5000}))
	before, less := text(e.Storage()), m
	less.Disks = append(less.Disks[:1:1], less.Disks[2:]...)
	e.Refresh(setup(less))
	if text(e.Storage()) != before {
		t.Error("the disk is gone, and the answers with it")
	}
	r, ok := e.Row("new:2")
	if !ok || !strings.Contains(r.Problem, "no such disk") {
		t.Errorf("the row of the disk that is gone: %+v", r)
	}
	if err := e.Delete("new:2"); err != nil {
		t.Errorf("it can't be deleted: %v", err)
	}
	e.Undo()
	e.Refresh(setup(m))
	if p, problems := build(m, e.Storage()); len(problems) != 1 || problems[0].Code != plan.NoBoot || p != nil {
		t.Errorf("it is back: %v", problems)
	}
}

// TestEmptyExtended: an extended partition with nothing in it goes with its disk, and where a kickstart
// can't say so, that is said.
func TestEmptyExtended(t *testing.T) {
	m := machines(t)["two-disks"]
	m.Disks = slices.Clone(m.Disks)
	m.Disks[1].Table, m.Disks[1].Parts = "dos", []machine.Part{{Path: "/dev/sdb1", Number: 1, Start: 1 << 30, Size: 1 << 30, Type: "0x5"}}
	e := devices.New(setup(m), config.Storage{})
	must(t, e.NewTable("/dev/sdb", "gpt"))
	e.Undo()
	must(t, e.Delete("part:/dev/sda1"))
	before := text(e.Storage())
	if err := e.NewTable("/dev/sdb", "gpt"); err == nil || !strings.Contains(err.Error(), "can't get a new table while") {
		t.Errorf("with single partitions of another disk: %v", err)
	}
	if text(e.Storage()) != before {
		t.Errorf("it is\n%s", text(e.Storage()))
	}
}
