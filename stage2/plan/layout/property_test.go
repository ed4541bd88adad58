package layout_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	diff "github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/machine/machinetest"
	"github.com/molt-installer/molt/stage2/plan/layout"
)

const mib = 1 << 20

// machines are those of the examples.
func machines(t testing.TB) map[string]machine.Machine {
	t.Helper()
	return machinetest.Recorded(t, "../../../examples/machines")
}

func ids() func() string {
	n := 0
	return func() string {
		n++
		return fmt.Sprintf("%08x-0000-4000-8000-%012x", n, n)
	}
}

func request(m machine.Machine, s config.Storage) layout.Request {
	r := layout.Request{Machine: m, Storage: s, IDs: ids(), Refused: map[string]string{}, Space: 2 << 30}
	for _, d := range m.Disks {
		if d.InUse != "" || d.Removable {
			r.Refused[d.Path] = "in use"
		}
	}
	return r
}

// dice are the choices that answers are made of.
type dice interface{ IntN(n int) int }

// bytesDice are choices that a fuzzer makes; when they are at an end all are 0.
type bytesDice struct{ data []byte }

func (b *bytesDice) IntN(n int) int {
	if len(b.data) == 0 {
		return 0
	}
	v := int(b.data[0])
	b.data = b.data[1:]
	return v % n
}

// answers are some for that machine: mostly possible ones, often not.
func answers(d dice, m machine.Machine) config.Storage {
	disk := func() string { return m.Disks[d.IntN(len(m.Disks))].Name() }
	s := config.Storage{Zerombr: d.IntN(3) > 0}
	s.Clear = config.Clear{Mode: []string{"all", "linux", "none", "", "list", "all"}[d.IntN(6)], InitLabel: d.IntN(2) == 0, Label: []string{"", "gpt", "msdos"}[d.IntN(3)]}
	for range d.IntN(3) {
		s.Clear.Drives = append(s.Clear.Drives, disk())
	}
	if s.Clear.Mode == "list" {
		for range 1 + d.IntN(3) {
			if p := anyPart(d, m); p != "" {
				s.Clear.List = append(s.Clear.List, p)
			}
		}
	}
	switch d.IntN(6) {
	case 0:
		s.Auto = &config.Autopart{Type: []string{"", "plain", "lvm", "thinp", "btrfs"}[d.IntN(5)], NoHome: d.IntN(2) == 0, NoSwap: d.IntN(2) == 0}
		if d.IntN(2) == 0 {
			s.Auto.LUKS = &config.LUKS{Passphrase: "p"}
		}
		return s
	case 1:
		s.Reqpart = &config.Reqpart{AddBoot: d.IntN(2) == 0}
	}
	for i := range 1 + d.IntN(9) {
		s.Partitions = append(s.Partitions, partition(d, m, i))
	}
	stacked(d, m, &s)
	return s
}

func anyPart(d dice, m machine.Machine) string {
	disk := m.Disks[d.IntN(len(m.Disks))]
	if len(disk.Parts) == 0 {
		return ""
	}
	return disk.Parts[d.IntN(len(disk.Parts))].Path
}

func partition(d dice, m machine.Machine, i int) config.Partition {
	mounts := []string{"/", "/boot", "swap", "/home", "/srv", "raid.%d", "raid.%d", "pv.%d", "btrfs.%d", "biosboot", "/boot/efi", "/var"}
	p := config.Partition{Mount: mounts[d.IntN(len(mounts))], SizeMiB: int64(1 + d.IntN(200)*d.IntN(100)), Grow: d.IntN(3) == 0, Primary: d.IntN(8) == 0}
	if strings.Contains(p.Mount, "%d") {
		p.Mount = fmt.Sprintf(p.Mount, i)
	}
	switch d.IntN(6) {
	case 0, 1, 2:
		p.Disk = m.Disks[d.IntN(len(m.Disks))].Name()
	case 3:
		if p.OnPart = anyPart(d, m); p.OnPart != "" {
			p.Existing, p.NoFormat, p.Resize = true, d.IntN(2) == 0, d.IntN(3) == 0
		}
	}
	if d.IntN(6) == 0 {
		p.LUKS = &config.LUKS{Passphrase: "p", Version: []string{"", "luks1"}[d.IntN(2)]}
	}
	p.FSType = []string{"", "", "", "xfs", "btrfs", "ext3"}[d.IntN(6)]
	if p.Mount == "swap" || strings.Contains(p.Mount, ".") || strings.Contains(p.Mount, "efi") || p.Mount == "biosboot" {
		p.FSType = ""
	}
	return p
}

// stacked builds on the members that there are, and uses what is there already.
func stacked(d dice, m machine.Machine, s *config.Storage) {
	members := map[string][]string{}
	for _, p := range s.Partitions {
		if kind, _, ok := strings.Cut(p.Mount, "."); ok {
			members[kind] = append(members[kind], p.Mount)
		}
	}
	if n := members["raid"]; len(n) > 0 {
		a := config.Array{Mount: []string{"/data", "pv.9", "/"}[d.IntN(3)], Name: "neu", Level: []string{"0", "1", "5", "10", "linear"}[d.IntN(5)], Members: n, Spares: d.IntN(2)}
		if s.Arrays = append(s.Arrays, a); a.Mount == "pv.9" {
			members["pv"] = append(members["pv"], a.Mount)
		}
	}
	if n := members["pv"]; len(n) > 0 {
		s.Groups = append(s.Groups, config.VolumeGroup{Name: []string{"vg0", "neu"}[d.IntN(2)], Members: n, ReservedPercent: d.IntN(30)})
	}
	for _, old := range m.Stacks {
		if old.Kind == "vg" && d.IntN(3) == 0 {
			s.Groups = append(s.Groups, config.VolumeGroup{Name: old.Name, Existing: true})
			for _, v := range old.Volumes {
				if d.IntN(4) == 0 {
					s.Logicals = append(s.Logicals, config.Logical{Mount: "/" + v.Name, Name: v.Name, Group: old.Name, Format: config.Format{Existing: true, NoFormat: d.IntN(2) == 0}})
				}
			}
		}
		if old.Kind == "raid" && d.IntN(4) == 0 {
			s.Arrays = append(s.Arrays, config.Array{Mount: "/old", Name: old.Name, Format: config.Format{Existing: true, NoFormat: d.IntN(2) == 0}})
		}
	}
	for _, g := range s.Groups {
		for i := range d.IntN(4) {
			l := config.Logical{Mount: fmt.Sprintf("/lv%d", i), Name: fmt.Sprintf("lv%d", i), Group: g.Name, SizeMiB: int64(1 + d.IntN(250)*100), Grow: d.IntN(2) == 0, Percent: d.IntN(2) * d.IntN(50)}
			if d.IntN(4) == 0 {
				s.Logicals = append(s.Logicals, config.Logical{Mount: "none", Name: "pool" + l.Name, Group: g.Name, SizeMiB: 500, ThinPool: true, Grow: d.IntN(2) == 0})
				l.Pool = "pool" + l.Name
			}
			s.Logicals = append(s.Logicals, l)
		}
	}
	if n := members["btrfs"]; len(n) > 0 {
		s.Btrfs = append(s.Btrfs, config.Btrfs{Mount: "none", Members: n, Label: "b"}, config.Btrfs{Mount: "/b", Subvolume: "b", Parent: "LABEL=b"})
	}
}

// named are the disks that the answers name, worked out by itself.
func named(m machine.Machine, s config.Storage) map[string]bool {
	disks := map[string]bool{}
	all := func(specs ...string) {
		for _, spec := range specs {
			for _, d := range m.FindAll(spec) {
				disks[d.Path] = true
			}
		}
	}
	device := func(dev string) {
		for _, d := range m.Disks {
			if d.Path == dev || slices.ContainsFunc(d.Parts, func(p machine.Part) bool { return p.Path == dev }) {
				disks[d.Path] = true
			}
		}
	}
	all(s.Clear.Drives...)
	if (s.Clear.Mode == "all" || s.Clear.Mode == "linux") && len(s.Clear.Drives) == 0 {
		all("*", "*/*")
	}
	for _, p := range s.Clear.List {
		device(p)
	}
	for _, p := range s.Partitions {
		all(p.Disk)
		device(p.OnPart)
	}
	for _, old := range m.Stacks {
		used := slices.ContainsFunc(s.Groups, func(g config.VolumeGroup) bool { return old.Kind == "vg" && g.Existing && g.Name == old.Name }) ||
			slices.ContainsFunc(s.Arrays, func(a config.Array) bool { return old.Kind == "raid" && a.Existing && a.Name == old.Name })
		for _, dev := range old.Members {
			if used {
				device(dev)
			}
		}
	}
	return disks
}

// check holds a layout against what must be true of every one.
func check(t *testing.T, m machine.Machine, s config.Storage) (problems bool) {
	t.Helper()
	r := layout.Make(request(m, s))
	if again := layout.Make(request(m, s)); !diff.Equal(r, again) {
		t.Errorf("another layout the second time:\n%s", diff.Diff(r, again))
	}
	if len(r.Problems) > 0 {
		return true
	}
	allowed, refused := named(m, s), request(m, s).Refused
	for _, d := range r.Disks {
		if !allowed[d.Path] || refused[d.Path] != "" {
			t.Errorf("%s is written, and the answers name only %v", d.Path, allowed)
		}
		checkDisk(t, d, s)
		checkScope(t, m, d, s)
	}
	checkDevices(t, r)
	checkStop(t, r)
	checkGroups(t, r)
	return false
}

// checkScope: where clearpart names disks, nothing goes from others.
func checkScope(t *testing.T, m machine.Machine, d layout.Disk, s config.Storage) {
	t.Helper()
	meant := len(s.Clear.Drives) == 0 || slices.ContainsFunc(s.Clear.Drives, func(spec string) bool {
		return slices.ContainsFunc(m.FindAll(spec), func(n machine.Disk) bool { return n.Path == d.Path })
	})
	if !meant && len(d.Lost) > 0 {
		t.Errorf("%s loses %v, and clearpart names only %v", d.Path, d.Lost, s.Clear.Drives)
	}
}

func checkDisk(t *testing.T, d layout.Disk, s config.Storage) {
	t.Helper()
	parts := slices.Clone(d.Parts)
	slices.SortFunc(parts, func(x, y layout.Volume) int { return cmp.Compare(x.Start, y.Start) })
	at, primaries := int64(0), 0
	seen, fresh := map[int]bool{}, false
	for _, v := range parts {
		if seen[v.Number] && v.Number > 0 {
			t.Errorf("%s: number %d twice", d.Path, v.Number)
		}
		seen[v.Number] = true
		if d.Table == "dos" && v.Number <= 4 {
			primaries++
		}
		if v.Start < at || v.Start+v.Size > d.Size || v.Size <= 0 {
			t.Errorf("%s at %d, size %d: overlaps what ends at %d, or the end %d", v.Device, v.Start, v.Size, at, d.Size)
		}
		if !v.Existing && (v.Start%mib != 0 || v.Size%mib != 0 || v.Start < mib) {
			t.Errorf("%s at %d, size %d: not aligned", v.Device, v.Start, v.Size)
		}
		if (!v.Existing || fresh) && v.Number > 4 && d.Table == "dos" && v.Start-at < mib {
			t.Errorf("%s at %d has no room for its table behind %d", v.Device, v.Start, at)
		}
		if v.Type == "0x5" || v.Type == "0xf" {
			at, fresh = v.Start, false
			continue
		}
		at, fresh = v.Start+v.Size, !v.Existing
	}
	if primaries > 4 {
		t.Errorf("%s has %d primary partitions", d.Path, primaries)
	}
	if !d.Kept {
		return
	}
	for _, p := range d.Before {
		lost := slices.ContainsFunc(d.Lost, func(q machine.Part) bool { return q.Path == p.Path })
		i := slices.IndexFunc(d.Parts, func(v layout.Volume) bool { return v.Start == p.Start && v.Existing })
		switch {
		case lost == (i >= 0):
			t.Errorf("%s: lost %v, and there afterwards %v", p.Path, lost, i >= 0)
		case lost && (s.Clear.Mode == "none" || s.Clear.Mode == "" || s.Clear.Mode == "linux" && (p.FSType == "ntfs" || p.FSType == "vfat")):
			t.Errorf("%s (%s) is lost by clearpart --%s", p.Path, p.FSType, s.Clear.Mode)
		case !lost && d.Parts[i].Size != p.Size && d.Parts[i].Was != p.Size && p.Use() != "extended":
			t.Errorf("%s: %d bytes become %d", p.Path, p.Size, d.Parts[i].Size)
		case !lost && !d.Parts[i].Used() && !d.Parts[i].NoFormat && d.Parts[i].FSType == "":
			t.Errorf("%s: nobody asks for it, and it doesn't stay as it is", p.Path)
		}
	}
}

// checkDevices: everything is made of what is there before it.
func checkDevices(t *testing.T, r layout.Result) {
	t.Helper()
	there := map[string]bool{}
	groups := map[string]bool{}
	mounts := map[string]bool{}
	var all []layout.Volume
	for _, d := range r.Disks {
		for _, v := range d.Parts {
			there[v.Device] = true
			all = append(all, v)
		}
	}
	for _, l := range r.Layers {
		for _, dev := range l.On {
			if !there[dev] {
				t.Errorf("%s %s is on %s, which isn't there", l.Kind, l.Name, dev)
			}
		}
		if l.Group != "" && !groups[l.Group] {
			t.Errorf("%s %s is in %s, which isn't there", l.Kind, l.Name, l.Group)
		}
		there[l.Device], groups[l.Name] = true, groups[l.Name] || l.Kind == layout.Group
		if l.Size <= 0 && !l.Existing {
			t.Errorf("%s %s has %d bytes", l.Kind, l.Name, l.Size)
		}
	}
	for _, v := range r.Volumes {
		if !there[v.Device] {
			t.Errorf("%s is on %s, which isn't there", v.Mount, v.Device)
		}
	}
	for _, v := range append(all, r.Volumes...) {
		if strings.HasPrefix(v.Mount, "/") && mounts[v.Mount] {
			t.Errorf("%s twice", v.Mount)
		}
		mounts[v.Mount] = true
	}
	if !mounts["/"] {
		t.Error("no root")
	}
}

// checkStop: what is stopped is on nothing but what is given up.
func checkStop(t *testing.T, r layout.Result) {
	t.Helper()
	up := map[string]bool{}
	for _, d := range r.Disks {
		for _, p := range d.Lost {
			up[p.Path] = true
		}
		if !d.Kept {
			up[d.Path] = true
		}
		for _, v := range d.Parts {
			if v.Existing && !v.NoFormat {
				up[v.Device] = true
			}
		}
	}
	for _, s := range slices.Backward(r.Stop) {
		for _, dev := range s.Members {
			if !up[dev] && strings.HasPrefix(dev, "/dev/") && !strings.HasPrefix(dev, "/dev/md") {
				t.Errorf("%s %s is stopped, and %s stays", s.Kind, s.Name, dev)
			}
		}
	}
}

// checkGroups: what is new in a group isn't more than it has.
func checkGroups(t *testing.T, r layout.Result) {
	t.Helper()
	for _, g := range r.Layers {
		if g.Kind != layout.Group || g.Existing {
			continue
		}
		var sum int64
		for _, l := range r.Layers {
			if l.Group == g.Name && l.Pool == "" {
				sum += l.Size + 2*l.MetadataMiB*mib
			}
		}
		if sum > g.Size {
			t.Errorf("the volumes of %s have %d bytes, and it has %d", g.Name, sum, g.Size)
		}
	}
}

// anyMachine has disks with tables of both kinds, with and without gaps, aligned or not.
func anyMachine(d dice) machine.Machine {
	m := machine.Machine{Firmware: []machine.Firmware{machine.BIOS, machine.UEFI}[d.IntN(2)], Memory: 4 << 30}
	for i := range 1 + d.IntN(3) {
		disk := machine.Disk{Path: fmt.Sprintf("/dev/sd%c", 'a'+i), Size: int64(1+d.IntN(200))<<30 + int64(d.IntN(2048))*4096, Sector: []int{512, 512, 4096}[d.IntN(3)]}
		if disk.Table = []string{"gpt", "dos", ""}[d.IntN(3)]; disk.Table != "" {
			fill(d, &disk)
		}
		m.Disks = append(m.Disks, disk)
	}
	return m
}

// fill puts partitions on a disk, the last on a dos table an extended one.
func fill(d dice, disk *machine.Disk) {
	at, kinds := int64(disk.Sector)*63, []string{"ext4", "ntfs", "vfat", "swap", "", "xfs"}
	put := func(number int, size int64) {
		p := machine.Part{Path: fmt.Sprintf("%s%d", disk.Path, number), Number: number, Start: at, Size: size, FSType: kinds[d.IntN(len(kinds))], Type: "0x83"}
		disk.Parts = append(disk.Parts, p)
	}
	step := func(most int64) int64 { return int64(1+d.IntN(1000)) * most / 1000 / 4096 * 4096 }
	n := d.IntN(4)
	for i := range n {
		at += step(disk.Size/16) * int64(d.IntN(2))
		size := max(4096, step(disk.Size/8))
		put(i+1, size)
		at += size
	}
	if disk.Table != "dos" || d.IntN(2) == 0 {
		return
	}
	at += step(disk.Size / 16)
	end := at + max(disk.Size/8, disk.Size-at-step(disk.Size/8))
	end = min(end, disk.Size)
	disk.Parts = append(disk.Parts, machine.Part{Path: fmt.Sprintf("%s%d", disk.Path, n+1), Number: n + 1, Start: at, Size: end - at, Type: "0x5"})
	for i := range d.IntN(4) {
		at += int64(disk.Sector)*63 + step(disk.Size/16)*int64(d.IntN(2))
		size := max(4096, step(disk.Size/16))
		if at+size > end {
			return
		}
		put(5+i, size)
		at += size
	}
}

// TestAnyGroup makes volumes of random sizes in a group, most of which fit.
func TestAnyGroup(t *testing.T) {
	made := 0
	for seed := range uint64(1000) {
		d := rand.New(rand.NewPCG(seed, 3))
		s := config.Storage{Zerombr: true, Clear: config.Clear{Mode: "all", InitLabel: true}}
		s.Partitions = []config.Partition{{Mount: "biosboot", SizeMiB: 1}, {Mount: "/", SizeMiB: 1000}, {Mount: "pv.1", SizeMiB: int64(2000 + d.IntN(10000)), Grow: d.IntN(2) == 0}}
		s.Groups = []config.VolumeGroup{{Name: "vg", Members: []string{"pv.1"}, ExtentKiB: []int64{0, 1024, 32768}[d.IntN(3)], ReservedMiB: int64(d.IntN(500))}}
		for i := range 1 + d.IntN(5) {
			l := config.Logical{Mount: fmt.Sprintf("/lv%d", i), Name: fmt.Sprintf("lv%d", i), Group: "vg", SizeMiB: int64(20 + d.IntN(600)), Grow: d.IntN(2) == 0, Percent: d.IntN(2) * d.IntN(40)}
			if d.IntN(3) == 0 {
				s.Logicals = append(s.Logicals, config.Logical{Mount: "none", Name: "pool" + l.Name, Group: "vg", SizeMiB: l.SizeMiB, ThinPool: true, Grow: d.IntN(2) == 0, Percent: l.Percent})
				l.Pool = "pool" + l.Name
			}
			s.Logicals = append(s.Logicals, l)
		}
		if !check(t, twoDisks(), s) {
			made++
		}
		if t.Failed() {
			t.Fatalf("seed %d: %+v", seed, s)
		}
	}
	if made < 600 {
		t.Errorf("only %d layouts came out", made)
	}
}

// TestAnyMachine does so on random machines.
func TestAnyMachine(t *testing.T) {
	made := 0
	for seed := range uint64(4000) {
		d := rand.New(rand.NewPCG(seed, 2))
		m := anyMachine(d)
		s := answers(d, m)
		if !check(t, m, s) {
			made++
		}
		if t.Failed() {
			t.Fatalf("seed %d: %+v\n%+v", seed, m, s)
		}
	}
	if made < 400 {
		t.Errorf("only %d layouts came out", made)
	}
}

// TestAnyAnswers makes layouts of random answers on every machine.
func TestAnyAnswers(t *testing.T) {
	made := 0
	for name, m := range machines(t) {
		for seed := range uint64(300) {
			s := answers(rand.New(rand.NewPCG(seed, 1)), m)
			if !t.Run(fmt.Sprintf("%s-%d", name, seed), func(t *testing.T) {
				if !check(t, m, s) {
					made++
				}
			}) {
				t.Fatalf("%+v", s)
			}
		}
	}
	t.Logf("%d layouts of %d answers", made, 300*12)
	if made < 150 {
		t.Errorf("only %d layouts came out: the answers are too bad", made)
	}
}

// FuzzMake is the same with a fuzzer's choices.
func FuzzMake(f *testing.F) {
	all := machines(f)
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	for i := range names {
		f.Add([]byte{byte(i), 1, 0, 0, 0, 1, 0, 0, 2})
		f.Add([]byte{byte(i), 2, 1, 1, 1, 1, 0, 5, 7, 0, 9, 20, 1, 1, 3, 1, 5, 30, 3, 9})
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 {
			return
		}
		m := all[names[int(data[0])%len(names)]]
		check(t, m, answers(&bytesDice{data[1:]}, m))
	})
}

// BenchmarkMake is of the largest machine.
func BenchmarkMake(b *testing.B) {
	m := machines(b)["server-64g"]
	s := config.Storage{Zerombr: true, Clear: config.Clear{Mode: "all", InitLabel: true}, Auto: &config.Autopart{Type: "lvm"}}
	for b.Loop() {
		layout.Make(request(m, s))
	}
}
