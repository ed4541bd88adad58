package plan_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/internal/golden"
	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/payload"
	"github.com/molt-installer/molt/stage2/plan"
)

var _ = flag.Bool("update", false, "write the golden files anew")

// scenario is a golden test's input: testdata/NAME.json.
type scenario struct {
	Machine machine.Machine `json:"machine"`
	Answers config.Answers  `json:"answers"`
}

// ids counts, so that plans can be compared.
func ids() func() string {
	n := 0
	return func() string {
		n++
		return fmt.Sprintf("%08x-0000-4000-8000-%012x", n<<16|n, n)
	}
}

func record() handoff.Record {
	return handoff.Record{
		Build: media.Build{
			Set:    media.Set{ID: "set-1", Product: "Debian", Version: "13", Arch: "amd64", Discs: 3},
			Stage2: media.File{Path: media.ImagePath, Size: 90 << 20, SHA256: "aa"},
		},
		Medium:      handoff.Medium{URL: "cdrom:/dev/sr0", Device: "/dev/sr0", Mount: "/molt/medium", Disc: 1},
		Image:       "/molt/medium/images/stage2.img",
		Loop:        "/dev/loop0",
		CommandLine: "console=tty0 console=ttyS0,115200n8 inst.ks=hd:LABEL=OEMDRV:/ks.cfg",
		Console:     "/dev/ttyS0",
	}
}

func selection() *payload.Selection {
	return &payload.Selection{Packages: []payload.Package{
		{Name: "base-files", Disc: 1, Size: 40 << 20, InstalledSize: 200 << 20},
		{Name: "linux-image-amd64", Disc: 1, Size: 100 << 20, InstalledSize: 400 << 20},
		{Name: "locales", Disc: 2, Size: 10 << 20, InstalledSize: 40 << 20},
	}}
}

func input(s scenario) plan.Input {
	return plan.Input{
		Answers: s.Answers, Machine: s.Machine, Selection: selection(), Handoff: record(), IDs: ids(),
		Kickstart: []byte("rootpw --iscrypted *\n"),
	}
}

// load reads a golden test's input.
func load(t *testing.T, name string) scenario {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var s scenario
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return s
}

func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no inputs: %v", err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".json")
		t.Run(name, func(t *testing.T) {
			p, err := plan.Build(input(load(t, name)))
			got := ""
			if err != nil {
				got = "PROBLEMS\n" + err.Error() + "\n"
			} else {
				got = p.Text()
			}
			golden.Check(t, filepath.Join("testdata", name+".txt"), got)
		})
	}
}

func TestProblems(t *testing.T) {
	answers := func(change func(*config.Answers)) config.Answers {
		a := load(t, "bios").Answers
		change(&a)
		return a
	}
	manual := func(parts ...config.Partition) config.Answers {
		return answers(func(a *config.Answers) { a.Storage.Auto, a.Storage.Partitions = nil, parts })
	}
	boot := config.Partition{Mount: "biosboot", SizeMiB: 1}
	tests := map[string]struct {
		answers config.Answers
		change  func(*plan.Input)
		want    []plan.Code
	}{
		"nothing named":        {answers: answers(func(a *config.Answers) { a.Storage.Clear = config.Clear{} }), want: []plan.Code{plan.NoTarget}},
		"no such disk":         {answers: answers(func(a *config.Answers) { a.Storage.Clear.Drives = []string{"sdz"} }), want: []plan.Code{plan.DiskUnknown}},
		"in use":               {answers: answers(func(a *config.Answers) {}), change: func(in *plan.Input) { in.Machine.Disks[0].InUse = "mounted" }, want: []plan.Code{plan.DiskRefused}},
		"the boot medium":      {answers: answers(func(a *config.Answers) {}), change: func(in *plan.Input) { in.Handoff.Medium.Device = "/dev/vda1" }, want: []plan.Code{plan.DiskRefused}},
		"OEMDRV":               {answers: answers(func(a *config.Answers) {}), change: func(in *plan.Input) { in.Machine.Disks[0].Parts[0].Label = "OEMDRV" }, want: []plan.Code{plan.DiskRefused}},
		"removable":            {answers: answers(func(a *config.Answers) {}), change: func(in *plan.Input) { in.Machine.Disks[0].Removable = true }, want: []plan.Code{plan.DiskRefused}},
		"ignored":              {answers: answers(func(a *config.Answers) { a.Storage.Ignore = []string{"vda"} }), want: []plan.Code{plan.DiskRefused}},
		"partitions stay":      {answers: answers(func(a *config.Answers) { a.Storage.Clear.Mode = "none" }), want: []plan.Code{plan.TooSmall}},
		"no table":             {answers: answers(func(a *config.Answers) { a.Storage.Zerombr, a.Storage.Clear.InitLabel = false, false }), change: func(in *plan.Input) { in.Machine.Disks[0].Table = "" }, want: []plan.Code{plan.DiskKept}},
		"disk too small":       {answers: answers(func(a *config.Answers) {}), change: func(in *plan.Input) { in.Machine.Disks[0].Size = 700 << 20 }, want: []plan.Code{plan.TooSmall}},
		"partitions too large": {answers: manual(boot, config.Partition{Mount: "/", SizeMiB: 900000}), want: []plan.Code{plan.TooSmall}},
		"root too small":       {answers: manual(boot, config.Partition{Mount: "/", SizeMiB: 500}), want: []plan.Code{plan.TooSmall}},
		"tiny xfs":             {answers: manual(boot, config.Partition{Mount: "/", SizeMiB: 9000}, config.Partition{Mount: "/srv", Format: config.Format{FSType: "xfs"}, SizeMiB: 100}), want: []plan.Code{plan.TooSmall}},
		"mount twice":          {answers: manual(boot, config.Partition{Mount: "/", SizeMiB: 5000}, config.Partition{Mount: "/", SizeMiB: 5000}), want: []plan.Code{plan.DoubleMount}},
		"no root":              {answers: manual(boot, config.Partition{Mount: "/home", SizeMiB: 5000}), want: []plan.Code{plan.NoRoot}},
		"no biosboot":          {answers: manual(config.Partition{Mount: "/", SizeMiB: 5000}), want: []plan.Code{plan.NoBoot}},
		"no ESP":               {answers: manual(boot, config.Partition{Mount: "/", SizeMiB: 5000}), change: func(in *plan.Input) { in.Machine.Firmware = machine.UEFI }, want: []plan.Code{plan.NoBoot}},
		"unknown fstype":       {answers: manual(boot, config.Partition{Mount: "/", Format: config.Format{FSType: "zfs"}, SizeMiB: 5000}), want: []plan.Code{plan.BadPartition}},
		"no size":              {answers: manual(boot, config.Partition{Mount: "/"}), want: []plan.Code{plan.BadPartition}},
		"nobody":               {answers: answers(func(a *config.Answers) { a.Root, a.Users = config.Login{}, nil }), want: []plan.Code{plan.NoLogin}},
		"user name":            {answers: answers(func(a *config.Answers) { a.Users = []config.User{{Name: "Al ice"}} }), want: []plan.Code{plan.BadAccount}},
		"host name":            {answers: answers(func(a *config.Answers) { a.Hostname = "a_b" }), want: []plan.Code{plan.BadName}},
		"zone":                 {answers: answers(func(a *config.Answers) { a.Timezone.Zone = "../etc/passwd" }), want: []plan.Code{plan.BadName}},
		"address":              {answers: answers(func(a *config.Answers) { a.Network = []config.Network{{Method: "static", Address: "192.0.2.5"}} }), want: []plan.Code{plan.BadNetwork}},
		"disc of no set":       {answers: answers(func(a *config.Answers) {}), change: func(in *plan.Input) { in.Handoff.Build.Set.Discs = 1 }, want: []plan.Code{plan.DiscUnknown}},
		"no drive for disc 2":  {answers: answers(func(a *config.Answers) {}), change: func(in *plan.Input) { in.Machine.Drives = nil }, want: []plan.Code{plan.DiscUnknown}},
		"one on two disks":     {answers: manual(boot, config.Partition{Mount: "/", SizeMiB: 9000, Disk: "vd*"}), change: twoDisks, want: []plan.Code{plan.BadPartition}},
		"the kickstart's disk": {answers: answers(func(a *config.Answers) { a.Storage.Clear.Drives = nil }), change: kickstartOnDisk, want: []plan.Code{plan.NoTarget}},
		"autopart of no kind":  {answers: answers(func(a *config.Answers) { a.Storage.Auto.Type = "zfs" }), want: []plan.Code{plan.NotSupported}},
		"many at once": {
			answers: answers(func(a *config.Answers) {
				a.Hostname, a.Users[0].Login, a.Root, a.Storage.Clear.Drives = "-", config.Login{}, config.Login{}, []string{"sdz"}
			}),
			want: []plan.Code{plan.DiskUnknown, plan.NoLogin, plan.BadName},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			in := input(scenario{Machine: load(t, "bios").Machine, Answers: tt.answers})
			if tt.change != nil {
				tt.change(&in)
			}
			_, err := plan.Build(in)
			var got plan.Problems
			if !errors.As(err, &got) {
				t.Fatalf("Build: %v, want problems", err)
			}
			var codes []plan.Code
			for _, p := range got {
				codes = append(codes, p.Code)
			}
			if diff := cmp.Diff(tt.want, codes); diff != "" {
				t.Errorf("codes (-want +got):\n%s\n%s", diff, err)
			}
		})
	}
}

func twoDisks(in *plan.Input) {
	second := in.Machine.Disks[0]
	second.Path, second.Links, second.Parts = "/dev/vdb", nil, nil
	in.Machine.Disks = append(in.Machine.Disks, second)
}

// kickstartOnDisk: clearpart --all names no disk, so it doesn't mean this one.
func kickstartOnDisk(in *plan.Input) {
	in.Handoff.Kickstart = &handoff.Kickstart{Origin: "hd:" + in.Machine.Disks[0].Parts[0].Path + ":/ks.cfg"}
}

// TestJSON: the plan as JSON has its steps and none of its secrets.
func TestJSON(t *testing.T) {
	p, err := plan.Build(input(load(t, "bios")))
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var back struct{ Steps []struct{ ID string } }
	if err := json.Unmarshal(data, &back); err != nil || len(back.Steps) != len(p.Steps) {
		t.Errorf("%d steps came back of %d: %v", len(back.Steps), len(p.Steps), err)
	}
	for _, s := range p.Secrets {
		if strings.Contains(string(data)+p.Text(), s) {
			t.Errorf("the secret %q is in the plan", s)
		}
	}
}

// TestLayoutIsAligned: every partition begins and ends at a MiB, none overlap,
// and both tables have room.
func TestLayoutIsAligned(t *testing.T) {
	for _, size := range []int64{2 << 30, 2<<30 + 512, 20 << 30, 4<<40 + 12345*512} {
		in := input(load(t, "bios"))
		in.Machine.Disks[0].Size = size
		p, err := plan.Build(in)
		if err != nil {
			t.Fatal(err)
		}
		at := int64(1 << 20)
		for _, v := range p.Disks[0].Parts {
			if v.Start < at || v.Start%(1<<20) != 0 || v.Size%(1<<20) != 0 {
				t.Errorf("disk of %d: %s at %d, size %d", size, v.Device, v.Start, v.Size)
			}
			at = v.Start + v.Size
		}
		if at > size-(1<<20) {
			t.Errorf("disk of %d: partitions end at %d", size, at)
		}
	}
}

func TestSwapSize(t *testing.T) {
	const mib, gib = 1 << 20, 1 << 30
	for _, tt := range []struct{ memory, disk, want int64 }{
		{320 * mib, 20 * gib, 640 * mib},
		{4 * gib, 100 * gib, 4 * gib},
		{32 * gib, 1000 * gib, 16 * gib},
		{512 * gib, 1000 * gib, 4 * gib},
		{1 * gib, 2 * gib, 204 * mib},
		{1 * gib, 512 * mib, 0},
	} {
		if got := plan.SwapSize(tt.memory, tt.disk); got != tt.want {
			t.Errorf("SwapSize(%d, %d) = %d, want %d", tt.memory, tt.disk, got, tt.want)
		}
	}
}
