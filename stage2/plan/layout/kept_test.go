package layout_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/plan/layout"
)

// shelf has four disks: sda is empty, sdb1 and sdc1 are an array with a group on it, which
// is on sdd1 too.
func shelf() machine.Machine {
	m := machine.Machine{Firmware: machine.BIOS, Memory: gib}
	for _, path := range []string{"/dev/sda", "/dev/sdb", "/dev/sdc", "/dev/sdd"} {
		d := machine.Disk{Path: path, Size: 20 * gib, Sector: 512}
		if path != "/dev/sda" {
			d.Table = "gpt"
			d.Parts = []machine.Part{{Path: path + "1", Number: 1, Start: 1 << 20, Size: 10 * gib, FSType: "linux_raid_member"}}
		}
		m.Disks = append(m.Disks, d)
	}
	m.Disks[3].Parts[0].FSType = "LVM2_member"
	m.Stacks = []machine.Stack{
		{Kind: "raid", Name: "data", Level: "1", Device: "/dev/md127", Members: []string{"/dev/sdb1", "/dev/sdc1"}, Size: 10 * gib, FSType: "LVM2_member"},
		{Kind: "vg", Name: "vg0", Members: []string{"/dev/md127", "/dev/sdd1"}, Volumes: []machine.Stacked{{Name: "home", Device: "/dev/vg0/home", Kind: "linear", Size: gib, FSType: "ext4"}}},
	}
	return m
}

// TestKept: what nobody gave up stays, whatever else is asked for; where it can't, nothing is done.
func TestKept(t *testing.T) {
	onA := func(change func(*config.Storage)) config.Storage {
		s := everything(part("biosboot", 1, on("sda")), part("/", 5000, on("sda")))
		s.Clear.Drives = []string{"sda"}
		change(&s)
		return s
	}
	for name, c := range map[string]struct {
		storage config.Storage
		machine func(*machine.Machine)
		want    layout.Code
	}{
		"a group half on an array that is formatted": {onA(func(s *config.Storage) {
			s.Arrays = []config.Array{{Mount: "/data", Name: "data", Format: config.Format{FSType: "ext4", Existing: true}}}
		}), nil, layout.StackBroken},
		"a kept member in a new group": {onA(func(s *config.Storage) {
			s.Partitions = append(s.Partitions, keep("/dev/sdd1", "pv.1"))
			s.Groups = []config.VolumeGroup{{Name: "new", Members: []string{"pv.1"}}}
			s.Logicals = []config.Logical{{Mount: "/srv", Name: "srv", Group: "new", SizeMiB: 100}}
		}), nil, layout.BadReference},
		"partitions without a table": {onA(func(s *config.Storage) { s.Partitions = append(s.Partitions, part("/data", 500, on("sdb"))) }),
			func(m *machine.Machine) { m.Disks[1].Table, m.Stacks = "", nil }, layout.DiskKept},
		"a member in spite of a table": {onA(func(s *config.Storage) { s.Partitions = append(s.Partitions, part("/data", 500, on("sdb"))) }),
			func(m *machine.Machine) {
				m.Disks[1].Parts, m.Disks[1].FSType, m.Stacks = nil, "linux_raid_member", nil
			}, layout.DiskKept},
		"two arrays of one name": {onA(func(s *config.Storage) {
			s.Arrays = []config.Array{{Mount: "/data", Name: "data", Format: config.Format{NoFormat: true, Existing: true}}}
		}), func(m *machine.Machine) {
			m.Stacks = append(m.Stacks[:1], machine.Stack{Kind: "raid", Name: "data", Device: "/dev/md126", Members: []string{"/dev/sdd1"}, FSType: "ext4", Size: gib})
		}, layout.BadReference},
		"a pool as a volume": {onA(func(s *config.Storage) {
			s.Logicals = []config.Logical{{Mount: "/x", Name: "home", Group: "vg0", Format: config.Format{FSType: "ext4", Existing: true}}}
		}), func(m *machine.Machine) { m.Stacks[1].Volumes[0].Kind = "thin-pool" }, layout.BadReference},
		"the root on a kept volume": {onA(func(s *config.Storage) {
			s.Partitions = s.Partitions[:1]
			s.Logicals = []config.Logical{{Mount: "/", Name: "home", Group: "vg0", Format: config.Format{Existing: true, NoFormat: true}}}
		}), nil, layout.BadPartition},
		"a cache with the name of a volume": {onA(func(s *config.Storage) {
			s.Partitions = append(s.Partitions, part("pv.1", 3000, on("sda")), part("pv.2", 3000, on("sda")))
			s.Groups = []config.VolumeGroup{{Name: "new", Members: []string{"pv.1", "pv.2"}}}
			s.Logicals = []config.Logical{
				{Mount: "/srv", Name: "srv", Group: "new", SizeMiB: 100, CacheMiB: 100, CachePVs: []string{"pv.2"}},
				{Mount: "/old", Name: "srv_cache", Group: "new", SizeMiB: 100},
			}
		}), nil, layout.NameTaken},
		"a label of two disks": {onA(func(s *config.Storage) { s.Clear.Drives = []string{"LABEL=old"} }),
			func(m *machine.Machine) { m.Disks[1].Label, m.Disks[2].Label = "old", "old" }, layout.DiskUnknown},
	} {
		m := shelf()
		if c.machine != nil {
			c.machine(&m)
		}
		r := layout.Make(request(m, c.storage))
		if !slices.ContainsFunc(r.Problems, func(p layout.Problem) bool { return p.Code == c.want }) {
			t.Errorf("%s: %v, want %v", name, r.Problems, c.want)
		}
	}
}

// TestUnseen: what is on a thin volume can't be seen while its group is off, so a kept
// one has the file system that the answers say, or none is taken for granted.
func TestUnseen(t *testing.T) {
	m := shelf()
	m.Stacks[1].Volumes[0].Kind, m.Stacks[1].Volumes[0].FSType = "thin", ""
	s := everything(part("biosboot", 1, on("sda")), part("/", 5000, on("sda")))
	s.Clear.Drives = []string{"sda"}
	s.Groups = []config.VolumeGroup{{Name: "vg0", Existing: true}}
	home := config.Logical{Mount: "/home", Name: "home", Group: "vg0", Format: config.Format{Existing: true, NoFormat: true}}
	s.Logicals = []config.Logical{home}
	if got := layout.Make(request(m, s)); !got.Problems.Has(layout.BadReference) || !strings.Contains(got.Problems.Error(), "--fstype=") {
		t.Errorf("without --fstype: %v", got.Problems)
	}
	s.Logicals[0].FSType = "xfs"
	got := layout.Make(request(m, s))
	i := slices.IndexFunc(got.Volumes, func(v layout.Volume) bool { return v.Mount == "/home" })
	if len(got.Problems) > 0 || i < 0 || got.Volumes[i].FSType != "xfs" || !got.Volumes[i].NoFormat {
		t.Errorf("with it: %v, %+v", got.Problems, got.Volumes)
	}
}

// TestEmptyExtended: an extended partition goes with the last of what is in it, and one that was
// empty before stays.
func TestEmptyExtended(t *testing.T) {
	m := twoDisks()
	m.Disks[0].Table = "dos"
	at := func(n int, start, size int64, kind, fs string) machine.Part {
		return machine.Part{Path: "/dev/sda" + string(rune('0'+n)), Number: n, Start: start, Size: size, Type: kind, FSType: fs}
	}
	m.Disks[0].Parts = []machine.Part{at(1, 1<<20, 8*gib, "0x83", "ext4"), at(2, 9*gib, 4*gib, "0x5", "")}
	s := config.Storage{Clear: config.Clear{Mode: "list", List: []string{"sda1"}}, Partitions: []config.Partition{part("/", 5000, on("sda"))}}
	lost := func() (paths []string) {
		r := layout.Make(request(m, s))
		if len(r.Problems) > 0 {
			t.Fatal(r.Problems)
		}
		for _, p := range r.Disks[0].Lost {
			paths = append(paths, p.Path)
		}
		return paths
	}
	if got := lost(); !slices.Equal(got, []string{"/dev/sda1"}) {
		t.Errorf("an empty one: %v", got)
	}
	m.Disks[0].Parts = append(m.Disks[0].Parts, at(5, 9*gib+1<<20, gib, "0x83", "ext4"))
	if got := lost(); !slices.Equal(got, []string{"/dev/sda1"}) {
		t.Errorf("one with a partition that stays: %v", got)
	}
	s.Clear.List = append(s.Clear.List, "sda5")
	if got := lost(); !slices.Equal(got, []string{"/dev/sda1", "/dev/sda2", "/dev/sda5"}) {
		t.Errorf("one whose last goes: %v", got)
	}
}

// TestExistingBtrfsNamed: a btrfs that is to be used again is named by what it is called or by a device of it.
func TestExistingBtrfsNamed(t *testing.T) {
	m := machines(t)["uefi-btrfs"]
	m.Stacks[0].UUID = "b-1"
	m.Disks[0].Parts[1].UUID, m.Disks[1].UUID = "b-1", "b-1"
	for _, name := range []string{"LABEL=fedora", "UUID=B-1", "/dev/vda2", "vdb", "btrfs.1"} {
		s := config.Storage{Partitions: []config.Partition{keep("/dev/vda1", "/boot/efi"), keep("/dev/vda2", "btrfs.1")},
			Btrfs: []config.Btrfs{{Mount: "none", Members: []string{name}, Existing: true, NoFormat: true}, {Mount: "/", Subvolume: "neu", Parent: name}}}
		if name != "btrfs.1" {
			s.Partitions = s.Partitions[:1]
		}
		r := layout.Make(request(m, s))
		if len(r.Problems) > 0 || len(r.Volumes) != 1 || r.Volumes[0].UUID != "b-1" || len(r.Layers) != 1 || !r.Layers[0].Existing || len(r.Stop) > 0 {
			t.Errorf("%s: %v %+v on %+v", name, r.Problems, r.Volumes, r.Layers)
		}
	}
	s := config.Storage{Partitions: []config.Partition{keep("/dev/vda1", "/boot/efi")},
		Btrfs: []config.Btrfs{{Mount: "none", Members: []string{"LABEL=none"}, Existing: true, NoFormat: true}, {Mount: "/", Subvolume: "neu", Parent: "LABEL=none"}}}
	if r := layout.Make(request(m, s)); !r.Problems.Has(layout.BadReference) {
		t.Errorf("one that isn't there: %v", r.Problems)
	}
}

// TestDisksNamed: what clearpart and ignoredisk name must be there and agree; a pattern can mean
// more than may be written.
func TestDisksNamed(t *testing.T) {
	m := shelf()
	m.Stacks = nil
	for i := 1; i < 4; i++ {
		m.Disks[i].Parts = append(m.Disks[i].Parts, machine.Part{Path: m.Disks[i].Path + "2", Number: 2, Start: 11 * gib, Size: gib, FSType: "ntfs", Label: "data"})
	}
	with := func(c config.Clear, change func(*config.Storage)) config.Storage {
		s := config.Storage{Zerombr: true, Clear: c, Partitions: []config.Partition{part("biosboot", 1, on("sdb")), part("/", 5000, on("sdb"))}}
		if change != nil {
			change(&s)
		}
		return s
	}
	for name, c := range map[string]struct {
		storage config.Storage
		lost    string
		code    layout.Code
		text    string
	}{
		"a list":                         {with(config.Clear{Mode: "list", List: []string{"sdb1", "sdc2"}}, nil), "/dev/sdb1 /dev/sdc2", "", ""},
		"a list by a pattern":            {with(config.Clear{Mode: "list", List: []string{"sdb[12]"}}, nil), "/dev/sdb1 /dev/sdb2", "", ""},
		"a list by a label of three":     {with(config.Clear{Mode: "list", List: []string{"LABEL=data"}}, nil), "", layout.DiskUnknown, "more than one"},
		"a list outside of the drives":   {with(config.Clear{Mode: "list", List: []string{"sdb1", "sdc2"}, Drives: []string{"sdb"}}, nil), "", layout.BadReference, "/dev/sdc, which --drives doesn't name"},
		"a list within the drives":       {with(config.Clear{Mode: "list", List: []string{"sdb1"}, Drives: []string{"sd[bc]"}}, nil), "/dev/sdb1", "", ""},
		"ignored, and isn't there":       {with(config.Clear{Mode: "all"}, func(s *config.Storage) { s.Ignore = []string{"sdd", "sdq"} }), "", layout.DiskUnknown, "ignoredisk --drives=sdq: no such disk"},
		"only-use, and isn't there":      {with(config.Clear{Mode: "all"}, func(s *config.Storage) { s.OnlyUse = []string{"sdb", "sdq"} }), "", layout.DiskUnknown, "ignoredisk --only-use=sdq"},
		"a disk that can't be":           {with(config.Clear{Mode: "all", Drives: []string{"sdb", "sdd"}}, nil), "", layout.DiskRefused, "/dev/sdd: can't be installed on: the installer"},
		"a pattern with one that can't":  {with(config.Clear{Mode: "all", Drives: []string{"sd[b-d]"}}, nil), "/dev/sdb1 /dev/sdb2 /dev/sdc1 /dev/sdc2", "", ""},
		"a pattern of one that can't be": {with(config.Clear{Mode: "all", Drives: []string{"sdb", "*d"}}, nil), "", layout.DiskRefused, "/dev/sdd"},
	} {
		r := request(m, c.storage)
		r.Refused["/dev/sdd"] = "the installer was started from it"
		got := layout.Make(r)
		if c.code != "" {
			if len(got.Problems) != 1 || got.Problems[0].Code != c.code || !strings.Contains(got.Problems[0].String(), c.text) {
				t.Errorf("%s: %v, want %s with %q", name, got.Problems, c.code, c.text)
			}
			continue
		}
		var lost []string
		for _, d := range got.Disks {
			for _, p := range d.Lost {
				lost = append(lost, p.Path)
			}
		}
		slices.Sort(lost)
		if strings.Join(lost, " ") != c.lost || len(got.Problems) > 0 {
			t.Errorf("%s: %v is lost, %v", name, lost, got.Problems)
		}
	}
}

// TestBtrfsLeast: what mkfs.btrfs refuses is refused before.
func TestBtrfsLeast(t *testing.T) {
	for _, c := range []struct {
		data  string
		sizes []int64
		fits  bool
	}{
		{"", []int64{113}, false}, {"", []int64{114}, true}, {"single", []int64{120}, true}, {"dup", []int64{250}, false}, {"dup", []int64{256}, true},
		{"raid1", []int64{120, 120}, false}, {"raid1", []int64{127, 500}, false}, {"raid1", []int64{128, 128}, true}, {"", []int64{60, 500}, false},
	} {
		s := everything(part("biosboot", 1, on("sda")), part("/", 5000, on("sda")))
		v := config.Btrfs{Mount: "/b", Label: "b", Data: c.data}
		for i, size := range c.sizes {
			name := "btrfs." + string(rune('1'+i))
			s.Partitions, v.Members = append(s.Partitions, part(name, size)), append(v.Members, name)
		}
		s.Btrfs = []config.Btrfs{v}
		if r := layout.Make(request(twoDisks(), s)); r.Problems.Has(layout.TooSmall) == c.fits || len(r.Problems) > 0 == c.fits {
			t.Errorf("%+v: %v", c, r.Problems)
		}
	}
}

// TestBtrfsAlike: of two with one label none is chosen; the UUID says which.
func TestBtrfsAlike(t *testing.T) {
	m := twoDisks()
	for i := range 2 {
		d := &m.Disks[i]
		id := string(rune('1' + i))
		d.Table = "gpt"
		d.Parts = []machine.Part{{Path: d.Path + "1", Number: 1, Start: 1 << 20, Size: 4 * gib, FSType: "btrfs", Label: "data", UUID: "u-" + id, PartUUID: "p-" + id}}
		m.Stacks = append(m.Stacks, machine.Stack{Kind: "btrfs", Name: "data", Label: "data", UUID: "u-" + id, Members: []string{d.Path + "1"}, Size: 4 * gib})
	}
	whole := func(label string, members ...string) config.Btrfs {
		return config.Btrfs{Mount: "none", Label: label, Members: members, Existing: true, NoFormat: true}
	}
	in := func(parent string) config.Btrfs { return config.Btrfs{Mount: "/", Subvolume: "neu", Parent: parent} }
	for name, tt := range map[string]struct {
		btrfs []config.Btrfs
		opens string // empty: refused
	}{
		"label":              {[]config.Btrfs{whole("data"), in("LABEL=data")}, ""},
		"subvolume of label": {[]config.Btrfs{in("LABEL=data")}, ""},
		"subvolume, bare":    {[]config.Btrfs{in("data")}, ""},
		"UUID":               {[]config.Btrfs{whole("", "UUID=u-2"), in("UUID=u-2")}, "/dev/sdb1"},
		"UUID and label":     {[]config.Btrfs{whole("data", "UUID=u-2"), in("LABEL=data")}, "/dev/sdb1"},
		"subvolume of UUID":  {[]config.Btrfs{in("UUID=U-2")}, "/dev/sdb1"},
		"the first":          {[]config.Btrfs{in("UUID=u-1")}, "/dev/sda1"},
		"a device":           {[]config.Btrfs{whole("data", "/dev/sdb1"), in("data")}, "/dev/sdb1"},
	} {
		s := config.Storage{Btrfs: tt.btrfs, Partitions: []config.Partition{part("biosboot", 1, on("sda"))}}
		r := layout.Make(request(m, s))
		switch {
		case tt.opens == "" && (len(r.Problems) != 1 || !r.Problems.Has(layout.BadReference) || !strings.Contains(r.Problems[0].Text, "UUID=u-1 or UUID=u-2")):
			t.Errorf("%s: %v", name, r.Problems)
		case tt.opens != "" && (len(r.Problems) > 0 || len(r.Layers) != 1 || !slices.Equal(r.Layers[0].On, []string{tt.opens})):
			t.Errorf("%s: %v, %+v", name, r.Problems, r.Layers)
		}
	}
}
