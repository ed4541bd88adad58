package plan

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/host"
	"github.com/molt-installer/molt/stage2/host/hosttest"
	"github.com/molt-installer/molt/stage2/kickstart"
	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/plan/layout"
)

// TestShrinkRenumbered: a logical partition is made smaller by the name it has until the table is
// changed, and used by the one it has then.
func TestShrinkRenumbered(t *testing.T) {
	m, err := machine.Load("../../examples/machines/windows-mbr.json")
	if err != nil {
		t.Fatal(err)
	}
	s := config.Storage{Clear: config.Clear{Mode: "list", List: []string{"sda5"}}, Partitions: []config.Partition{
		{Mount: "/", SizeMiB: 20000, Disk: "sda"},
		{Mount: "/old", OnPart: "sda6", SizeMiB: 10000, Resize: true, Format: config.Format{Existing: true, NoFormat: true}},
	}}
	n := 0
	r := layout.Make(layout.Request{Machine: m, Storage: s, IDs: func() string { n++; return strings.Repeat("0", 8) + "-0000-4000-8000-000000000000" }})
	if len(r.Problems) > 0 {
		t.Fatal(r.Problems)
	}
	b := &builder{Input: Input{Machine: m}}
	b.plan.Disks = r.Disks
	b.diskSteps()
	w := newWorld()
	for _, step := range b.plan.Steps {
		if err := step.Run(t.Context(), w.env); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, c := range w.Calls() {
		if strings.Contains(c, "e2fsck") || strings.Contains(c, "resize2fs") || strings.Contains(c, "edit-table") || strings.Contains(c, "/target/old") {
			got = append(got, c)
		}
	}
	want := []string{"run e2fsck -f -p /dev/sda6", "run resize2fs /dev/sda6 10240000K", "edit-table /dev/sda: delete 5, resize 5, add 4",
		"mount /dev/sda5 on /target/old type ext4"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestStaleArrayName: /dev/md/NAME can lead to another array by now.
func TestStaleArrayName(t *testing.T) {
	l := Layer{Kind: LayerRAID, Name: "data", Device: "/dev/md/data", On: []string{"/dev/vda2"}, UUID: "a:b:c:d", Existing: true}
	assemble := "run mdadm --assemble --run --uuid a:b:c:d /dev/md/data /dev/vda2"
	for name, tt := range map[string]struct {
		there bool
		reply hosttest.Reply
		want  []string
	}{
		"it runs":       {true, hosttest.Reply{Stdout: "MD_LEVEL=raid1\nMD_UUID=a:b:c:d\n"}, nil},
		"another":       {true, hosttest.Reply{Stdout: "MD_UUID=a:b:c:dd\n"}, []string{"remove /dev/md/data", assemble}},
		"no array":      {true, hosttest.Reply{Err: &host.ExitError{Code: 1}}, []string{"remove /dev/md/data", assemble}},
		"no such name":  {false, hosttest.Reply{}, []string{"remove /dev/md/data", assemble}},
		"not asked yet": {false, hosttest.Reply{Stdout: "MD_UUID=a:b:c:d\n"}, []string{"remove /dev/md/data", assemble}},
	} {
		w := newWorld()
		if tt.there {
			w.AddFile("/dev/md/data", "")
		}
		w.Answer(tt.reply, "mdadm", "--detail")
		if err := layerStep(nil, l, []Layer{l}).Run(t.Context(), w.env); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		calls := slices.DeleteFunc(w.Calls(), func(c string) bool {
			return strings.Contains(c, "modprobe") || strings.HasPrefix(c, "stat ") || strings.Contains(c, "--detail")
		})
		if d := cmp.Diff(tt.want, calls); d != "" && len(tt.want)+len(calls) > 0 {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// TestForeignCache: what only has the name of a cache isn't removed; an earlier try's own is.
func TestForeignCache(t *testing.T) {
	for cache, want := range map[int64][]string{0: {"run lvm lvremove --force vg0/var"}, 64: {"run lvm lvremove --force vg0/var", "run lvm lvremove --force vg0/var_cache"}} {
		g := Layer{Kind: LayerGroup, Name: "vg0", On: []string{"/dev/md/data", "/dev/vdc3"}}
		l := Layer{Kind: LayerLV, Name: "var", Group: "vg0", Device: "/dev/vg0/var", Size: 1 << 29, CacheMiB: cache}
		w := newWorld()
		w.Answer(hosttest.Reply{Stdout: "  var\n  var_cache\n"}, "lvm", "lvs")
		if err := layerStep(nil, l, []Layer{g, l}).Run(t.Context(), w.env); err != nil {
			t.Fatal(err)
		}
		var got []string
		for line := range strings.Lines(shortly(w.Calls())) {
			if strings.Contains(line, "lvremove") {
				got = append(got, strings.TrimSpace(line))
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("with a cache of %d MiB: %s", cache, d)
		}
	}
}

// TestTablesAgain: whatever fails when tables are put right, another try makes the initramfs with all of them.
func TestTablesAgain(t *testing.T) {
	s := tables{base{"fstab", "", 1}, map[string]string{"fstab": "f\n", "crypttab": "c\n", "mdadm/mdadm.conf": "m\n"}}
	for k := 1; ; k++ {
		w := newWorld()
		w.AddFile("/target/usr/sbin/update-initramfs", "")
		for _, name := range []string{"fstab", "crypttab", "mdadm/mdadm.conf"} {
			w.AddFile("/target/etc/"+name, "a package's\n")
		}
		w.FailAt(k, errors.New("broken"))
		err := (retable{s}).Run(t.Context(), w.env)
		calls := len(w.Calls())
		if err != nil {
			before := len(w.Called("run in /target: update-initramfs"))
			if err := (retable{s}).Run(t.Context(), w.env); err != nil {
				t.Errorf("call %d: %v", k, err)
			}
			if after := len(w.Called("run in /target: update-initramfs")); after == before {
				t.Errorf("call %d (%s): the initramfs isn't made again", k, w.Calls()[k-1])
			}
		}
		for name, want := range s.files {
			if got, _ := w.File("/target/etc/" + name); got != want {
				t.Errorf("call %d: %s is %q", k, name, got)
			}
		}
		if calls < k {
			break
		}
	}
}

// TestEveryLayoutAgain carries out every layout of testdata up to the mounted target, and lets each call fail
// in turn: the step that it fails in succeeds the second time, the same is done in the end, and no disk is ever written
// that the plan doesn't name.
func TestEveryLayoutAgain(t *testing.T) {
	files, err := filepath.Glob("testdata/layouts/*.ks")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d layouts: %v", len(files), err)
	}
	carried := 0
	for _, f := range files {
		b, ok := laidOut(t, f)
		if !ok {
			continue
		}
		carried++
		whole := carryOut(t, b, 0)
		for k := 1; k <= len(whole.Calls()); k++ {
			w := carryOut(t, b, k)
			if d := cmp.Diff(whole.Mounted(), w.Mounted()); d != "" {
				t.Errorf("%s, call %d (%s): mounted %s", f, k, whole.Calls()[k-1], d)
			}
			if d := cmp.Diff(sorted(whole.Writes()), sorted(w.Writes())); d != "" {
				t.Errorf("%s, call %d (%s): written %s", f, k, whole.Calls()[k-1], d)
			}
			if t.Failed() {
				return
			}
		}
		for _, dev := range whole.Writes() {
			if !b.named(dev) {
				t.Errorf("%s: %s is written, and isn't of a disk of the plan", f, dev)
			}
		}
	}
	if carried < 30 {
		t.Errorf("only %d layouts were carried out", carried)
	}
}

func sorted(list []string) []string { slices.Sort(list); return list }

// named reports whether a device is one of the plan's disks, on one, or a layer or volume of the plan.
func (b *builder) named(dev string) bool {
	return slices.ContainsFunc(b.plan.Disks, func(d Disk) bool { return strings.HasPrefix(dev, d.Path) }) ||
		slices.ContainsFunc(b.plan.Layers, func(l Layer) bool { return l.Device == dev }) ||
		slices.ContainsFunc(b.plan.Stop, func(s machine.Stack) bool { return s.Device == dev })
}

// laidOut is the storage of a layout as a plan has it; false when there is none.
func laidOut(t *testing.T, file string) (*builder, bool) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(data), "\n")
	m, err := machine.Load("../../examples/machines/" + strings.TrimPrefix(first, "# machine: ") + ".json")
	if err != nil {
		t.Fatal(err)
	}
	a, diags := kickstart.Parse(file, data, kickstart.Options{})
	if diags.Err() != nil {
		t.Fatal(diags.Err())
	}
	n := 0
	b := &builder{Input: Input{Answers: a, Machine: m, IDs: func() string {
		n++
		return fmt.Sprintf("%08x-0000-4000-8000-%012x", n, n)
	}}}
	b.storage()
	b.diskSteps()
	return b, len(b.problems) == 0
}

// carryOut runs the steps, each again when it fails; the k-th call does.
func carryOut(t *testing.T, b *builder, k int) *world {
	t.Helper()
	w := newWorld()
	for _, d := range b.Machine.Disks {
		w.AddFile("/sys/block/"+strings.TrimPrefix(d.Path, "/dev/")+"/diskseq", fmt.Sprintln(d.Seq))
	}
	if k > 0 {
		w.FailAt(k, errors.New("broken"))
	}
	for _, s := range b.plan.Steps {
		err := s.Run(t.Context(), w.env)
		if err != nil && k > 0 {
			err = s.Run(t.Context(), w.env)
		}
		if err != nil {
			t.Errorf("%s, call %d: %v", s.ID(), k, err)
		}
	}
	return w
}

// TestResume: the kernel is told of the swap space to wake up from where one was asked for to sleep in, and it holds the memory.
func TestResume(t *testing.T) {
	const disk = "zerombr\nclearpart --all --initlabel\n"
	parts := disk + "reqpart\npart /boot --size=500\npart / --size=3000\n"
	for name, tt := range map[string]struct {
		ks    string
		wakes bool
	}{
		"none":                 {parts + "part swap --size=1000\n", false},
		"recommended":          {parts + "part swap --recommended\n", false},
		"part":                 {parts + "part swap --hibernation\n", true},
		"part, and a small":    {parts + "part swap --size=100\npart swap --hibernation\n", true},
		"part, with a size":    {parts + "part swap --hibernation --size=100\n", true},
		"part, encrypted":      {parts + "part swap --hibernation --encrypted --passphrase=geheim\n", true},
		"logvol":               {parts + "part pv.1 --size=5000\nvolgroup vg pv.1\nlogvol swap --hibernation --vgname=vg --name=swap\n", true},
		"autopart":             {disk + "autopart\n", false},
		"autopart hibernation": {disk + "autopart --hibernation\n", true},
		"autopart lvm":         {disk + "autopart --type=lvm --hibernation --encrypted --passphrase=geheim\n", true},
	} {
		a, diags := kickstart.Parse("x.ks", []byte(tt.ks), kickstart.Options{})
		if diags.Err() != nil {
			t.Fatal(name, diags.Err())
		}
		n := 0
		b := &builder{Input: Input{Answers: a, IDs: func() string { n++; return fmt.Sprintf("%08x-0000-4000-8000-%012x", n, n) },
			Machine: machine.Machine{Firmware: machine.UEFI, Memory: 2 << 30, Disks: []machine.Disk{{Path: "/dev/sda", Size: 20 << 30, Sector: 512}}}}}
		if b.storage(); len(b.problems) > 0 {
			t.Errorf("%s: %v", name, b.problems)
			continue
		}
		uuid, wakes := strings.CutPrefix(b.resume(), "resume=UUID=")
		if wakes != tt.wakes {
			t.Errorf("%s: %q", name, b.resume())
		}
		i := slices.IndexFunc(b.plan.volumes(), func(v Volume) bool { return v.UUID == uuid && v.FSType == "swap" })
		if wakes && (i < 0 || b.plan.volumes()[i].Size < b.Machine.Memory) {
			t.Errorf("%s: wakes up from %s, of %+v", name, uuid, b.plan.volumes())
		}
	}
}
