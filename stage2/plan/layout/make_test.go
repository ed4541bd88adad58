package layout_test

import (
	"slices"
	"strings"
	"testing"

	diff "github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/plan/layout"
)

const gib = 1 << 30

// twoDisks have nothing on them; by BIOS.
func twoDisks() machine.Machine {
	disk := func(path string) machine.Disk { return machine.Disk{Path: path, Size: 20 * gib, Sector: 512} }
	return machine.Machine{Firmware: machine.BIOS, Memory: gib, Disks: []machine.Disk{disk("/dev/sda"), disk("/dev/sdb")}}
}

func part(mount string, size int64, change ...func(*config.Partition)) config.Partition {
	p := config.Partition{Mount: mount, SizeMiB: size}
	for _, c := range change {
		c(&p)
	}
	return p
}

func on(disk string) func(*config.Partition)        { return func(p *config.Partition) { p.Disk = disk } }
func grows(p *config.Partition)                     { p.Grow = true }
func fs(t string) func(*config.Partition)           { return func(p *config.Partition) { p.FSType = t } }
func luks(l config.LUKS) func(*config.Partition)    { return func(p *config.Partition) { p.LUKS = &l } }
func keep(dev string, s ...string) config.Partition { return old(dev, strings.Join(s, ""), true) }

func old(dev, mount string, kept bool) config.Partition {
	return config.Partition{Mount: mount, OnPart: dev, Format: config.Format{Existing: true, NoFormat: kept}}
}

// everything gives up all that is on all disks.
func everything(parts ...config.Partition) config.Storage {
	return config.Storage{Zerombr: true, Clear: config.Clear{Mode: "all", InitLabel: true}, Partitions: parts}
}

// TestProblems are the reasons why there is no layout, each by itself.
func TestProblems(t *testing.T) {
	boot, root := part("biosboot", 1), part("/", 5000)
	with := func(change func(*config.Storage), parts ...config.Partition) config.Storage {
		s := everything(append([]config.Partition{boot}, parts...)...)
		change(&s)
		return s
	}
	array := func(a config.Array, parts ...config.Partition) config.Storage {
		return with(func(s *config.Storage) { s.Arrays = []config.Array{a} }, append(parts, root)...)
	}
	group := func(l config.Logical, parts ...config.Partition) config.Storage {
		return with(func(s *config.Storage) {
			s.Groups, s.Logicals = []config.VolumeGroup{{Name: "vg", Members: []string{"pv.1"}}}, []config.Logical{l}
		}, append(parts, root, part("pv.1", 2000))...)
	}
	tests := map[string]struct {
		storage config.Storage
		code    layout.Code
		text    string
	}{
		"nothing":              {everything(), layout.NoRoot, "use autopart or part"},
		"both":                 {with(func(s *config.Storage) { s.Auto = &config.Autopart{} }, root), layout.BadPartition, "together with part"},
		"passphrase":           {everything(boot, root, part("/srv", 100, luks(config.LUKS{}))), layout.BadEncryption, "no passphrase"},
		"autopart, passphrase": {config.Storage{Zerombr: true, Clear: config.Clear{Mode: "all"}, Auto: &config.Autopart{LUKS: &config.LUKS{}}}, layout.BadEncryption, "autopart: has no passphrase"},
		"luks version":         {everything(boot, root, part("/srv", 100, luks(config.LUKS{Passphrase: "p", Version: "luks3"}))), layout.BadEncryption, "luks3"},
		"luks1 argon2":         {everything(boot, root, part("/srv", 100, luks(config.LUKS{Passphrase: "p", Version: "luks1", PBKDF: "argon2id"}))), layout.BadEncryption, "luks1 can't have"},
		"pbkdf":                {everything(boot, root, part("/srv", 100, luks(config.LUKS{Passphrase: "p", PBKDF: "md5"}))), layout.BadEncryption, "md5"},
		"pbkdf twice":          {everything(boot, root, part("/srv", 100, luks(config.LUKS{Passphrase: "p", PBKDFTime: 1, PBKDFRounds: 1}))), layout.BadEncryption, "exclude"},
		"root on FAT":          {everything(boot, part("/", 5000, fs("vfat"))), layout.BadPartition, "can't be vfat"},
		"a path that isn't":    {everything(boot, root, part("/a/../b", 100)), layout.BadPartition, "absolute path"},
		"swap with ext4":       {everything(boot, root, part("/x", 100, fs("swap"))), layout.BadPartition, "can't have the file system swap"},
		"two roots":            {everything(boot, root, root), layout.DoubleMount, "twice"},
		"boot-drive":           {everything(boot, root), "", ""},
		"no member":            {array(config.Array{Mount: "/srv", Name: "a", Level: "1", Members: []string{"raid.1", "raid.2"}}, part("raid.1", 500)), layout.BadReference, "no member raid.2"},
		"a member of another":  {array(config.Array{Mount: "/srv", Name: "a", Level: "1", Members: []string{"raid.1", "raid.1"}}, part("raid.1", 500)), layout.BadReference, "a member of raid a already"},
		"pv in an array":       {array(config.Array{Mount: "/srv", Name: "a", Level: "1", Members: []string{"raid.1", "pv.1"}}, part("raid.1", 500), part("pv.1", 500)), layout.BadReference, "is called raid."},
		"too few":              {array(config.Array{Mount: "/srv", Name: "a", Level: "1", Spares: 1, Members: []string{"raid.1", "raid.2"}}, part("raid.1", 500), part("raid.2", 500)), layout.BadPartition, "at least 2 members beside its 1 spares, and has 1"},
		"level":                {array(config.Array{Mount: "/srv", Name: "a", Level: "9", Members: []string{"raid.1", "raid.2"}}, part("raid.1", 500), part("raid.2", 500)), layout.BadPartition, "level \"9\""},
		"spares of a stripe":   {array(config.Array{Mount: "/srv", Name: "a", Level: "0", Spares: 1, Members: []string{"raid.1", "raid.2", "raid.3"}}, part("raid.1", 500), part("raid.2", 500), part("raid.3", 500)), layout.BadPartition, "can't have spares"},
		"a spare too small":    {array(config.Array{Mount: "/srv", Name: "a", Level: "1", Spares: 1, Members: []string{"raid.1", "raid.2", "raid.3"}}, part("raid.1", 500), part("raid.2", 600), part("raid.3", 490)), layout.TooSmall, "its spare raid.3 is 490 MiB"},
		"a spare as large":     {array(config.Array{Mount: "/srv", Name: "a", Level: "1", Spares: 1, Members: []string{"raid.1", "raid.2", "raid.3"}}, part("raid.1", 500), part("raid.2", 600), part("raid.3", 500)), "", ""},
		"tiny members":         {array(config.Array{Mount: "/srv", Name: "a", Level: "1", Members: []string{"raid.1", "raid.2"}}, part("raid.1", 1), part("raid.2", 1)), layout.TooSmall, "too small"},
		"too large a volume":   {group(config.Logical{Mount: "/srv", Name: "srv", Group: "vg", SizeMiB: 3000}), layout.TooSmall, "1004 MiB more"},
		"no room for a header": {everything(boot, root, part("/srv", 16, luks(config.LUKS{Passphrase: "p"}))), layout.TooSmall, "header of encryption"},
		"odd extents": {with(func(s *config.Storage) {
			s.Groups = []config.VolumeGroup{{Name: "vg", Members: []string{"pv.1"}, ExtentKiB: 3000}}
		}, root, part("pv.1", 500)), layout.BadPartition, "multiple of 128 KiB"},
		"extents of 3 MiB": {with(func(s *config.Storage) {
			s.Groups = []config.VolumeGroup{{Name: "vg", Members: []string{"pv.1"}, ExtentKiB: 3072}}
			s.Logicals = []config.Logical{{Mount: "/srv", Name: "srv", Group: "vg", Percent: 100}}
		}, root, part("pv.1", 500)), "", ""},
		"no room for an extent": {with(func(s *config.Storage) {
			s.Groups = []config.VolumeGroup{{Name: "vg", Members: []string{"pv.1"}, ExtentKiB: 32 << 10}}
		}, root, part("pv.1", 32)), layout.TooSmall, "extent of 32 MiB"},
		"a name LVM keeps": {group(config.Logical{Mount: "/srv", Name: "x_tmeta", Group: "vg", SizeMiB: 100}), layout.BadName, "_tmeta for itself"},
		"a group in /dev": {with(func(s *config.Storage) {
			s.Groups = []config.VolumeGroup{{Name: "mapper", Members: []string{"pv.1"}}}
		}, root, part("pv.1", 500)), layout.BadName, "directory /dev/mapper"},
		"a group like a disk": {with(func(s *config.Storage) {
			s.Groups = []config.VolumeGroup{{Name: "sdb", Members: []string{"pv.1"}}}
		}, root, part("pv.1", 500)), layout.BadName, "directory /dev/sdb"},
		"a long name of an array": {array(config.Array{Mount: "/srv", Name: strings.Repeat("n", 33), Level: "1", Members: []string{"raid.1", "raid.2"}}, part("raid.1", 500), part("raid.2", 500)), layout.BadPartition, "32 characters"},
		"a label FAT can't have":  {everything(boot, root, part("/dos", 500, fs("vfat"), func(p *config.Partition) { p.Label = "A:B" })), layout.BadPartition, "can't be on FAT"},
		"no such group":           {group(config.Logical{Mount: "/srv", Name: "srv", Group: "vg1", SizeMiB: 100}), layout.BadReference, "no group vg1"},
		"no such pool":            {group(config.Logical{Mount: "/srv", Name: "srv", Group: "vg", Pool: "p", SizeMiB: 100}), layout.BadReference, "no thin pool p"},
		"a name LVM refuses":      {group(config.Logical{Mount: "/srv", Name: "-srv", Group: "vg", SizeMiB: 100}), layout.BadName, "letters, digits"},
		"a cache too large":       {group(config.Logical{Mount: "/srv", Name: "srv", Group: "vg", SizeMiB: 100, CacheMiB: 5000, CachePVs: []string{"pv.1"}}), layout.TooSmall, "its cache"},
		"a cache elsewhere":       {group(config.Logical{Mount: "/srv", Name: "srv", Group: "vg", SizeMiB: 100, CacheMiB: 50, CachePVs: []string{"pv.2"}}), layout.BadReference, "no member of vg"},
		"a pool encrypted":        {group(config.Logical{Mount: "none", Name: "p", Group: "vg", ThinPool: true, SizeMiB: 100, Format: config.Format{LUKS: &config.LUKS{Passphrase: "p"}}}), layout.NotSupported, "thin pool can't be encrypted"},
		"thin /boot": {with(func(s *config.Storage) {
			s.Groups = []config.VolumeGroup{{Name: "vg", Members: []string{"pv.1"}}}
			s.Logicals = []config.Logical{{Mount: "none", Name: "p", Group: "vg", ThinPool: true, SizeMiB: 5000}, {Mount: "/", Name: "root", Group: "vg", Pool: "p", SizeMiB: 4000}}
		}, part("pv.1", 9000)), layout.NoBoot, "a thin volume"},
		"linear /": {with(func(s *config.Storage) {
			s.Arrays = []config.Array{{Mount: "/", Name: "r", Level: "linear", Members: []string{"raid.1", "raid.2"}}}
		}, part("raid.1", 4000), part("raid.2", 4000)), layout.NotSupported, "linear arrays"},
		"profile": {with(func(s *config.Storage) {
			s.Btrfs = []config.Btrfs{{Mount: "/srv", Members: []string{"btrfs.1"}, Label: "x", Data: "raid1"}}
		}, root, part("btrfs.1", 900)), layout.BadPartition, "needs at least 2 members"},
		"subvolume of nothing": {with(func(s *config.Storage) {
			s.Btrfs = []config.Btrfs{{Mount: "/srv", Subvolume: "srv", Parent: "LABEL=x"}}
		}, root), layout.BadReference, "no btrfs LABEL=x"},
		"no array to keep": {with(func(s *config.Storage) {
			s.Arrays = []config.Array{{Mount: "/srv", Name: "x", Format: config.Format{Existing: true}}}
		}, root), layout.BadReference, `no array "x"`},
		"a boot partition of another disk": {everything(part("biosboot", 1, on("sdb")), part("/", 5000, on("sda"))), "", ""},
		"no biosboot":                      {everything(root), layout.NoBoot, "BIOS boot partition"},
		"nothing like it on the disk":      {everything(boot, root, keep("/dev/sda7", "/srv")), layout.DiskUnknown, "sda7"},
		"mount and part": {with(func(s *config.Storage) {
			s.Mounts = []config.MountPoint{{Device: "/dev/sda1", Mount: "/"}}
		}, root), layout.BadPartition, "can't be used together"},
		"disk label": {config.Storage{Zerombr: true, Clear: config.Clear{Mode: "all", InitLabel: true, Label: "sun"}, Partitions: []config.Partition{boot, root}}, layout.NotSupported, "gpt or msdos"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := layout.Make(request(twoDisks(), tt.storage)).Problems
			switch {
			case tt.code == "" && len(got) > 0:
				t.Errorf("problems:\n%v", got)
			case tt.code != "" && (len(got) != 1 || got[0].Code != tt.code || !strings.Contains(got[0].String(), tt.text)):
				t.Errorf("want one %s with %q, got:\n%v", tt.code, tt.text, got)
			}
		})
	}
}

// TestBootDrive: a disk that is only named there is not written, and one of several
// comes first.
func TestBootDrive(t *testing.T) {
	s := everything(part("biosboot", 1, on("sda")), part("biosboot", 1, on("sdb")), part("raid.1", 5000, on("sda")), part("raid.2", 5000, on("sdb")))
	s.Arrays = []config.Array{{Mount: "/", Name: "root", Level: "1", Members: []string{"raid.1", "raid.2"}}}
	r := request(twoDisks(), s)
	for drive, want := range map[string][]string{"": {"/dev/sda", "/dev/sdb"}, "sdb": {"/dev/sdb", "/dev/sda"}} {
		r.Loader.Disk, r.IDs = drive, ids()
		if got := layout.Make(r); !slices.Equal(got.Boot, want) {
			t.Errorf("--boot-drive=%s: %v %v", drive, got.Boot, got.Problems)
		}
	}
	r.Loader.Disk = "sd*"
	if got := layout.Make(r).Problems; len(got) != 1 || got[0].Code != layout.DiskUnknown {
		t.Errorf("two boot drives: %v", got)
	}
	s = config.Storage{Zerombr: true, Clear: config.Clear{Mode: "all", Drives: []string{"sda"}}, Partitions: []config.Partition{part("biosboot", 1), part("/", 5000)}}
	r = request(twoDisks(), s)
	r.Loader.Disk = "sdb"
	if got := layout.Make(r).Problems; len(got) != 1 || got[0].Code != layout.NoBoot {
		t.Errorf("a boot drive that isn't named: %v", got)
	}
}

// TestBootKeptDisk: a disk that is only named for what is kept on it keeps its boot sector.
func TestBootKeptDisk(t *testing.T) {
	m := twoDisks()
	m.Disks[0].Table = "dos"
	m.Disks[0].Parts = []machine.Part{{Path: "/dev/sda1", Number: 1, Start: 1 << 20, Size: gib, Type: "0x83", FSType: "ext4"}}
	s := config.Storage{Zerombr: true, Clear: config.Clear{Mode: "all", Drives: []string{"sdb"}}, Partitions: []config.Partition{keep("/dev/sda1", "/srv"), part("/", 5000, on("sdb"))}}
	if r := layout.Make(request(m, s)); len(r.Problems) != 1 || r.Problems[0].Code != layout.NoBoot {
		t.Errorf("nowhere else: %v %v", r.Boot, r.Problems)
	}
	named := request(m, s)
	named.Loader.Disk = "sda"
	if r := layout.Make(named); len(r.Problems) > 0 || !slices.Equal(r.Boot, []string{"/dev/sda"}) {
		t.Errorf("named: %v %v", r.Boot, r.Problems)
	}
	s.Clear.Label = "msdos"
	if r := layout.Make(request(m, s)); len(r.Problems) > 0 || !slices.Equal(r.Boot, []string{"/dev/sdb"}) {
		t.Errorf("the other disk: %v %v", r.Boot, r.Problems)
	}
}

// TestLargeMBR: what is behind 2 TiB is not used, and said.
func TestLargeMBR(t *testing.T) {
	m := twoDisks()
	m.Disks[0].Size = 5 << 40
	s := config.Storage{Zerombr: true, Clear: config.Clear{Mode: "all", Drives: []string{"sda"}, InitLabel: true, Label: "msdos"}, Partitions: []config.Partition{part("/", 5000, grows)}}
	r := layout.Make(request(m, s))
	if len(r.Problems) > 0 || len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "2 TiB") {
		t.Fatalf("%v %v", r.Problems, r.Warnings)
	}
	if v := r.Disks[0].Parts[0]; v.Start+v.Size != 2<<40 {
		t.Errorf("the root ends at %d", v.Start+v.Size)
	}
	s.Partitions = []config.Partition{part("/", 3<<20)}
	if got := layout.Make(request(m, s)).Problems; len(got) != 1 || !strings.Contains(got[0].Text, "a msdos table can use 2 TiB") {
		t.Errorf("%v", got)
	}
}

// TestGrowsOutside: the last entry of a msdos table is for what can use the room there.
func TestGrowsOutside(t *testing.T) {
	s := config.Storage{OnlyUse: []string{"sda"}, Partitions: []config.Partition{part("swap", 4000), part("/", 5000, grows), part("/srv", 500)}}
	r := layout.Make(request(machines(t)["windows-mbr"], s))
	if len(r.Problems) > 0 {
		t.Fatal(r.Problems)
	}
	for _, v := range r.Disks[0].Parts {
		if v.Mount == "/" && (v.Number != 4 || v.Size < 100*gib) || v.Mount == "swap" && v.Number < 5 {
			t.Errorf("%s is %s, %d MiB", v.Mount, v.Device, v.Size/mib)
		}
	}
}

// TestAsPrimary: what must be primary is, before what merely could be.
func TestAsPrimary(t *testing.T) {
	primary := func(p *config.Partition) { p.Primary = true }
	s := everything(part("/boot", 500), part("/", 5000), part("swap", 500), part("/home", 1000, primary), part("/var", 1000, primary), part("/srv", 1000, primary, grows))
	s.Clear.Drives, s.Clear.Label = []string{"sda"}, "msdos"
	r := layout.Make(request(twoDisks(), s))
	if len(r.Problems) > 0 {
		t.Fatal(r.Problems)
	}
	for _, v := range r.Disks[0].Parts {
		want := slices.Contains([]string{"/home", "/var", "/srv", ""}, v.Mount)
		if got := v.Number <= 4; got != want {
			t.Errorf("%s is %s", v.Mount, v.Device)
		}
	}
	s.Partitions[0].Primary = true
	if got := layout.Make(request(twoDisks(), s)).Problems; len(got) != 1 || !strings.Contains(got[0].Text, "four primary partitions") {
		t.Errorf("four and more: %v", got)
	}
}

// TestLogicalNumbers: a logical partition that stays gets the number of one before it
// that goes, and new ones come behind it.
func TestLogicalNumbers(t *testing.T) {
	m := machines(t)["windows-mbr"]
	s := config.Storage{Clear: config.Clear{Mode: "list", List: []string{"sda5"}}, Partitions: []config.Partition{
		part("/", 20000, on("sda")), part("/srv", 5000, on("sda")), keep("/dev/sda6", "/old")}}
	r := layout.Make(request(m, s))
	if len(r.Problems) > 0 {
		t.Fatal(r.Problems)
	}
	got := map[string]string{}
	for _, v := range r.Disks[0].Parts {
		if v.Used() {
			got[v.Mount] = v.Device
		}
	}
	want := map[string]string{"/old": "/dev/sda5", "/": "/dev/sda4", "/srv": "/dev/sda7"}
	if d := diff.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestResize: what can't be done safely is refused.
func TestResize(t *testing.T) {
	m := twoDisks()
	m.Disks[0].Table = "gpt"
	at := int64(1 << 20)
	for i, kind := range []string{"ext4", "xfs", "ntfs", "btrfs"} {
		m.Disks[0].Parts = append(m.Disks[0].Parts, machine.Part{Path: "/dev/sda" + string(rune('1'+i)), Number: i + 1, Start: at, Size: 2 * gib, FSType: kind})
		at += 4 * gib
	}
	for name, want := range map[string]layout.Code{
		"sda1 1000": "", "sda1 3000": "", "sda1 5000": layout.TooSmall,
		"sda2 1000": layout.NotSupported, "sda2 3000": "",
		"sda3 1000": layout.NotSupported, "sda3 3000": layout.NotSupported,
		"sda4 1000": layout.NotSupported, "sda4 3000": "",
	} {
		dev, size, _ := strings.Cut(name, " ")
		p := keep("/dev/"+dev, "/x")
		p.Resize, p.SizeMiB = true, map[string]int64{"1000": 1000, "3000": 3000, "5000": 5000}[size]
		s := config.Storage{Partitions: []config.Partition{p, part("biosboot", 1, on("sda")), part("/", 1000, on("sda"))}}
		r := layout.Make(request(m, s))
		if want != "" {
			if len(r.Problems) != 1 || r.Problems[0].Code != want {
				t.Errorf("%s: %v, want %s", name, r.Problems, want)
			}
			continue
		}
		i := slices.IndexFunc(r.Disks[0].Parts, func(v layout.Volume) bool { return v.Mount == "/x" })
		if len(r.Problems) > 0 || r.Disks[0].Parts[i].Size != p.SizeMiB<<20 || r.Disks[0].Parts[i].Was != 2*gib {
			t.Errorf("%s: %v %+v", name, r.Problems, r.Disks)
		}
	}
}

// TestKeptLUKS opens what is there already.
func TestKeptLUKS(t *testing.T) {
	m := machines(t)["no-network"]
	p := keep("/dev/nvme0n1p3", "/data")
	p.LUKS = &config.LUKS{Passphrase: "p"}
	s := config.Storage{Partitions: []config.Partition{p, old("/dev/nvme0n1p2", "/", false), keep("/dev/nvme0n1p1", "/boot/efi")}}
	if got := layout.Make(request(m, s)).Problems; len(got) != 1 || got[0].Code != layout.BadEncryption {
		t.Errorf("of an unknown kind: %v", got)
	}
	s.Partitions[0].FSType = "ext4"
	r := layout.Make(request(m, s))
	if len(r.Problems) > 0 || len(r.Layers) != 1 || !r.Layers[0].Existing || len(r.Stop) > 0 {
		t.Fatalf("%v %+v, stop %v", r.Problems, r.Layers, r.Stop)
	}
	want := layout.Volume{Device: r.Layers[0].Device, Mount: "/data", FSType: "ext4", Size: r.Layers[0].Size, Existing: true, NoFormat: true}
	if d := diff.Diff([]layout.Volume{want}, r.Volumes); d != "" {
		t.Error(d)
	}
	if r.Disks[0].Rewritten() {
		t.Error("the table is rewritten")
	}
}

// TestStopOrder: what stands on something is stopped before it.
func TestStopOrder(t *testing.T) {
	m := twoDisks()
	for i := range m.Disks {
		m.Disks[i].Table = "gpt"
		m.Disks[i].Parts = []machine.Part{{Path: m.Disks[i].Path + "1", Number: 1, Start: 1 << 20, Size: 10 * gib, FSType: "linux_raid_member"}}
	}
	m.Stacks = []machine.Stack{
		{Kind: "raid", Name: "r", Device: "/dev/md127", Members: []string{"/dev/sda1", "/dev/sdb1"}},
		{Kind: "luks", Name: "l", Device: "/dev/mapper/l", Members: []string{"/dev/vg/x"}},
		{Kind: "vg", Name: "vg", Members: []string{"/dev/md127"}, Volumes: []machine.Stacked{{Name: "x", Device: "/dev/vg/x"}}},
	}
	s := everything(part("biosboot", 1), part("/", 5000))
	r := layout.Make(request(m, s))
	var got []string
	for _, stack := range r.Stop {
		got = append(got, stack.Name)
	}
	if d := diff.Diff([]string{"l", "vg", "r"}, got); d != "" || len(r.Problems) > 0 {
		t.Errorf("%v\n%s", r.Problems, d)
	}
	s.Clear.Drives = []string{"sda"}
	if got := layout.Make(request(m, s)).Problems; len(got) != 1 || got[0].Code != layout.StackBroken {
		t.Errorf("half of it: %v", got)
	}
	s.Ignore = []string{"sdb"}
	s.Clear = config.Clear{Mode: "linux", Drives: []string{"sda", "sdb"}}
	if got := layout.Make(request(m, s)); len(got.Problems) > 0 || len(got.Stop) != 3 {
		t.Errorf("the Linux in both: %v %v", got.Problems, got.Stop)
	}
}

// TestSpread: members without a disk of their own go to different ones.
func TestSpread(t *testing.T) {
	s := everything(part("biosboot", 1), part("raid.1", 5000), part("raid.2", 5000))
	s.Arrays = []config.Array{{Mount: "/", Name: "root", Level: "1", Members: []string{"raid.1", "raid.2"}}}
	r := layout.Make(request(twoDisks(), s))
	if len(r.Problems) > 0 || !slices.Equal(r.Layers[0].On, []string{"/dev/sda2", "/dev/sdb1"}) {
		t.Errorf("%v %+v", r.Problems, r.Layers)
	}
	if under := layout.Under(r.Layers, "/dev/md/root"); len(under) != 1 || under[0].Name != "root" {
		t.Errorf("under the root: %+v", under)
	}
}

// TestCache: the cache is made on the devices that are named, and takes their room.
func TestCache(t *testing.T) {
	s := everything(part("biosboot", 1), part("/", 3000), part("pv.1", 5000, on("sda")), part("pv.2", 2000, on("sdb")))
	s.Groups = []config.VolumeGroup{{Name: "vg", Members: []string{"pv.1", "pv.2"}}}
	s.Logicals = []config.Logical{{Mount: "/srv", Name: "srv", Group: "vg", SizeMiB: 100, Grow: true, CacheMiB: 1000, CachePVs: []string{"pv.2"}, CacheMode: "writethrough"}}
	r := layout.Make(request(twoDisks(), s))
	if len(r.Problems) > 0 {
		t.Fatal(r.Problems)
	}
	l := r.Layers[1]
	if l.CacheMiB != 1000 || l.CacheMode != "writethrough" || !slices.Equal(l.CachePVs, []string{"/dev/sdb1"}) || l.Size+1008<<20 != r.Layers[0].Size {
		t.Errorf("%+v in a group of %d", l, r.Layers[0].Size)
	}
}

// TestExtentsOfOld: what is new in a group that is there already is in that group's extents.
func TestExtentsOfOld(t *testing.T) {
	m := shelf()
	m.Disks[3].Parts[0].Size = 2 * gib
	m.Stacks = []machine.Stack{{Kind: "vg", Name: "vg0", Members: []string{"/dev/sdd1"}, Size: 2 * gib, Free: 100 << 20, Extent: 32 << 20}}
	s := everything(part("biosboot", 1, on("sda")), part("/", 5000, on("sda")))
	s.Clear.Drives = []string{"sda"}
	s.Groups = []config.VolumeGroup{{Name: "vg0", Existing: true}}
	for size, want := range map[int64]int64{33: 64 << 20, 96: 96 << 20, 97: 0} {
		s.Logicals = []config.Logical{{Mount: "/srv", Name: "srv", Group: "vg0", SizeMiB: size}}
		r := layout.Make(request(m, s))
		if want == 0 && r.Problems.Has(layout.TooSmall) {
			continue
		}
		if len(r.Problems) > 0 || r.Layers[1].Size != want {
			t.Errorf("%d MiB: %v %+v", size, r.Problems, r.Layers)
		}
	}
}

// TestSubvolumeOf: a subvolume names its volume in several ways, be it new or not.
func TestSubvolumeOf(t *testing.T) {
	m := machines(t)["uefi-btrfs"]
	m.Stacks[0].UUID = "b-1"
	for parent, volume := range map[string]*config.Btrfs{
		"LABEL=fedora": nil, "fedora": nil, "UUID=B-1": nil,
		"btrfs.1":   {Mount: "none", Members: []string{"btrfs.1"}, Existing: true},
		"btrfs.2":   {Mount: "none", Members: []string{"btrfs.2"}, Label: "new"},
		"LABEL=new": {Mount: "none", Members: []string{"btrfs.2"}, Label: "new"},
	} {
		s := config.Storage{Partitions: []config.Partition{keep("/dev/vda1", "/boot/efi"), keep("/dev/vda2", "btrfs.1")}}
		if strings.HasSuffix(parent, "2") || strings.HasSuffix(parent, "new") {
			s = everything(part("/boot/efi", 500), part("btrfs.2", 9000))
		}
		if volume != nil {
			s.Btrfs = []config.Btrfs{*volume}
		}
		s.Btrfs = append(s.Btrfs, config.Btrfs{Mount: "/", Subvolume: "neu", Parent: parent})
		r := layout.Make(request(m, s))
		if len(r.Problems) > 0 || len(r.Volumes) != 1 || r.Volumes[0].Subvolume != "neu" || len(r.Layers) != 1 || r.Volumes[0].UUID != r.Layers[0].UUID {
			t.Errorf("%s: %v %+v on %+v", parent, r.Problems, r.Volumes, r.Layers)
		}
	}
}

// TestForeignDisk: what isn't Linux's stays, and stands in nobody's way unless it is named.
func TestForeignDisk(t *testing.T) {
	m := twoDisks()
	m.Disks[1].FSType = "ntfs"
	s := config.Storage{Zerombr: true, Clear: config.Clear{Mode: "linux", InitLabel: true}, Partitions: []config.Partition{part("biosboot", 1), part("/", 5000)}}
	if r := layout.Make(request(m, s)); len(r.Problems) > 0 || len(r.Disks) != 1 || r.Disks[0].Path != "/dev/sda" {
		t.Errorf("%v %+v", r.Problems, r.Disks)
	}
	s.Clear.Drives = []string{"sda", "sdb"}
	if r := layout.Make(request(m, s)); len(r.Problems) != 1 || r.Problems[0].Code != layout.DiskKept {
		t.Errorf("named: %v", r.Problems)
	}
}
