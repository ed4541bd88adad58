package plan

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/host/hosttest"
	"github.com/molt-installer/molt/stage2/machine"
)

// snapshotBuilder has the group "new", which is made, and "old", which stays.
func snapshotBuilder(all ...config.Snapshot) *builder {
	b := &builder{}
	b.Answers.Storage.Snapshots = all
	b.plan.Layers = []Layer{
		{Kind: LayerGroup, Name: "new", On: []string{"/dev/vda2"}},
		{Kind: LayerPool, Name: "pool", Group: "new"},
		{Kind: LayerLV, Name: "root", Group: "new", Pool: "pool", Device: "/dev/new/root"},
		{Kind: LayerLV, Name: "var", Group: "new", Device: "/dev/new/var"},
		{Kind: LayerGroup, Name: "old", On: []string{"/dev/vdb1"}, Existing: true},
		{Kind: LayerLV, Name: "home", Group: "old", Device: "/dev/old/home", Existing: true},
		{Kind: LayerLV, Name: "bak", Group: "old", Pool: "p", Device: "/dev/old/bak"},
		{Kind: LayerLV, Name: "opt", Group: "old", Device: "/dev/old/opt", CacheMiB: 64},
	}
	volumes := []machine.Stacked{{Name: "home", Kind: "thin"}, {Name: "p", Kind: "thin-pool"}, {Name: "log", Kind: "linear"},
		{Name: "before", Kind: "thin", Origin: "home", Tags: []string{"x", "molt-try"}}, {Name: "of-root", Kind: "thin", Origin: "root", Tags: []string{"molt-try"}},
		{Name: "last-year", Kind: "thin", Origin: "home"}, {Name: "data", Kind: "thin"}, {Name: "after", Kind: "thin", Origin: "home", Tags: []string{"molt-post-install"}},
		{Name: "after-removed", Kind: "thin", Tags: []string{"molt-post-install"}}, {Name: "after-root", Kind: "thin", Origin: "root", Tags: []string{"molt-post-install"}}}
	b.Machine.Stacks = []machine.Stack{
		{Kind: "vg", Name: "old", Members: []string{"/dev/vdz1"}, Volumes: []machine.Stacked{{Name: "elsewhere", Kind: "thin"}}},
		{Kind: "vg", Name: "old", Members: []string{"/dev/vdb1"}, Volumes: volumes},
	}
	return b
}

func TestSnapshotAnswers(t *testing.T) {
	const pre, post = "pre-install", "post-install"
	for name, tt := range map[string]struct {
		s        config.Snapshot
		want     Code
		text     string
		warnings int
	}{
		"of what is made":        {config.Snapshot{Volume: "new/root", Name: "s", When: post}, "", "", 0},
		"of what stays":          {config.Snapshot{Volume: "old/home", Name: "s", When: post}, "", "", 0},
		"before":                 {config.Snapshot{Volume: "old/home", Name: "s", When: pre}, "", "", 0},
		"again":                  {config.Snapshot{Volume: "old/home", Name: "before", When: pre}, "", "", 1},
		"last year's":            {config.Snapshot{Volume: "old/home", Name: "last-year", When: pre}, NameTaken, "lvremove", 0},
		"a volume":               {config.Snapshot{Volume: "old/home", Name: "data", When: pre}, NameTaken, "lvremove", 0},
		"of another, before":     {config.Snapshot{Volume: "old/home", Name: "of-root", When: pre}, NameTaken, "lvremove", 0},
		"of after, before":       {config.Snapshot{Volume: "old/home", Name: "after", When: pre}, NameTaken, "lvremove", 0},
		"afterwards, again":      {config.Snapshot{Volume: "old/home", Name: "after", When: post}, "", "", 1},
		"its origin is new":      {config.Snapshot{Volume: "old/home", Name: "after-removed", When: post}, "", "", 1},
		"of another, after":      {config.Snapshot{Volume: "old/home", Name: "after-root", When: post}, NameTaken, "lvremove", 0},
		"a volume, afterwards":   {config.Snapshot{Volume: "old/home", Name: "data", When: post}, NameTaken, "lvremove", 0},
		"afterwards, name taken": {config.Snapshot{Volume: "old/home", Name: "before", When: post}, NameTaken, "lvremove", 0},
		"name of another kind":   {config.Snapshot{Volume: "old/home", Name: "log", When: pre}, NameTaken, "old/log", 0},
		"name of what is made":   {config.Snapshot{Volume: "new/root", Name: "var", When: post}, NameTaken, "the logical volume new/var", 0},
		"before, made later":     {config.Snapshot{Volume: "old/home", Name: "bak", When: pre}, NameTaken, "the logical volume old/bak", 0},
		"before, a cache":        {config.Snapshot{Volume: "old/home", Name: "opt_cache", When: pre}, NameTaken, "the logical volume old/opt", 0},
		"before it is there":     {config.Snapshot{Volume: "new/root", Name: "s", When: pre}, BadReference, "post-install", 0},
		"not thin":               {config.Snapshot{Volume: "new/var", Name: "s", When: post}, NotSupported, "no thin volume", 0},
		"not thin, and old":      {config.Snapshot{Volume: "old/log", Name: "s", When: pre}, NotSupported, "no thin volume", 0},
		"of a pool":              {config.Snapshot{Volume: "new/pool", Name: "s", When: post}, NotSupported, "no thin volume", 0},
		"of nothing":             {config.Snapshot{Volume: "new/nothing", Name: "s", When: post}, BadReference, "no volume nothing", 0},
		"on another's disks":     {config.Snapshot{Volume: "old/elsewhere", Name: "s", When: pre}, BadReference, "no volume elsewhere", 0},
		"of no group":            {config.Snapshot{Volume: "vg9/root", Name: "s", When: post}, BadReference, "--useexisting", 0},
	} {
		b := snapshotBuilder(tt.s)
		b.snapshots()
		var got Code
		if len(b.problems) > 0 {
			got = b.problems[0].Code
		}
		if got != tt.want || len(b.plan.Warnings) != tt.warnings || tt.want != "" && !strings.Contains(b.problems.Error(), tt.text) {
			t.Errorf("%s: %v, %q", name, b.problems, b.plan.Warnings)
		}
	}
}

// TestSnapshotOrder: what was there is kept before any volume of its group is touched.
func TestSnapshotOrder(t *testing.T) {
	b := snapshotBuilder(config.Snapshot{Volume: "old/home", Name: "s", When: "pre-install"}, config.Snapshot{Volume: "new/root", Name: "t", When: "post-install"})
	for _, l := range b.plan.Layers {
		b.add(layerStep(nil, l, b.plan.Layers))
	}
	b.snapshotSteps("pre-install")
	b.add(leave{base: base{id: "post-1"}})
	b.snapshotSteps("post-install")
	var ids []string
	for _, s := range b.plan.Steps {
		ids = append(ids, s.ID())
	}
	want := "layer-vg-new layer-pool-new-pool layer-lv-new-root layer-lv-new-var layer-vg-old snapshot-old-s layer-lv-old-home layer-lv-old-bak layer-lv-old-opt post-1 snapshot-new-t"
	if d := cmp.Diff(want, strings.Join(ids, " ")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// lvs is what lvs says of the group "vg": a pool of 1000 MiB that is used so far, its volume
// root and another one.
func lvs(used, name, origin, tags string) hosttest.Reply {
	return hosttest.Reply{Stdout: `{"report": [{"lv": [
		{"lv_name":"pool", "origin":"", "lv_tags":"", "pool_lv":"", "lv_size":"1048576000", "data_percent":"` + used + `"},
		{"lv_name":"root", "origin":"", "lv_tags":"", "pool_lv":"pool", "lv_size":"838860800", "data_percent":"12.00"},
		{"lv_name":"` + name + `", "origin":"` + origin + `", "lv_tags":"` + tags + `", "pool_lv":"pool", "lv_size":"838860800", "data_percent":"12.00"}]}]}`}
}

func snapshotStep(when string, system ...Layer) snapshot {
	return snapshot{on: []string{"/dev/vda2"}, asked: config.Snapshot{Volume: "vg/root", Name: "s", When: when}, system: system, space: 500 << 20}
}

// lvmChanges are the commands that change volumes.
func lvmChanges(w *world) []string {
	var got []string
	for _, c := range w.Called("run lvm lv") {
		if command := strings.Fields(c)[2]; command != "lvs" {
			got = append(got, command)
		}
	}
	return got
}

// TestSnapshotAgain: another try makes the snapshot of the new system anew, and leaves the one of
// the old system, which is written over by then. What is not by this installer stays, and is no snapshot.
func TestSnapshotAgain(t *testing.T) {
	for name, tt := range map[string]struct {
		when, there, origin, tags string
		want                      []string
		fails                     bool
	}{
		"before":             {preInstall, "x", "root", "", []string{"lvcreate"}, false},
		"after":              {postInstall, "x", "root", "", []string{"lvcreate"}, false},
		"before, again":      {preInstall, "s", "root", "molt-try", nil, false},
		"after, again":       {postInstall, "s", "root", "a,molt-post-install", []string{"lvremove", "lvcreate"}, false},
		"before, a stranger": {preInstall, "s", "", "", nil, true},
		"before, last year":  {preInstall, "s", "root", "", nil, true},
		"before, of another": {preInstall, "s", "home", "molt-try", nil, true},
		"after, a stranger":  {postInstall, "s", "", "", nil, true},
		"after, of before":   {postInstall, "s", "root", "molt-try", nil, true},
	} {
		w := newWorld()
		w.Answer(lvs("12.00", tt.there, tt.origin, tt.tags), "lvm", "lvs")
		err := snapshotStep(tt.when).Run(t.Context(), w.env)
		if d := cmp.Diff(tt.want, lvmChanges(w)); d != "" || (err != nil) != tt.fails {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, d)
		}
		for _, c := range w.Called("run lvm lvcreate") {
			if !strings.Contains(c, "--addtag "+map[string]string{preInstall: "molt-try", postInstall: "molt-post-install"}[tt.when]+" ") {
				t.Errorf("%s: %s", name, c)
			}
		}
	}
}

// TestSnapshotDone: once all is done nothing says any more that a try is under way.
func TestSnapshotDone(t *testing.T) {
	b := snapshotBuilder(config.Snapshot{Volume: "new/root", Name: "t", When: postInstall})
	if b.untagStep(); len(b.plan.Steps) > 0 {
		t.Errorf("without a snapshot of before: %v", b.plan.Steps)
	}
	b = snapshotBuilder(config.Snapshot{Volume: "old/home", Name: "s", When: preInstall}, config.Snapshot{Volume: "new/root", Name: "t", When: postInstall})
	b.untagStep()
	w := newWorld()
	w.Answer(lvs("12.00", "x", "home", ""), "lvm", "lvs") // a script has taken it away
	if err := b.plan.Steps[0].Run(t.Context(), w.env); err != nil || len(w.Called("run lvm lvchange")) > 0 {
		t.Errorf("of one that is gone: %v, %q", err, w.Called("run lvm"))
	}
	w = newWorld()
	w.Answer(lvs("12.00", "s", "home", "molt-try"), "lvm", "lvs")
	if err := b.plan.Steps[0].Run(t.Context(), w.env); err != nil {
		t.Fatal(err)
	}
	calls := w.Called("run lvm lvchange")
	if len(calls) != 1 || !strings.Contains(calls[0], "--devices /dev/vdb1 ") || !strings.HasSuffix(calls[0], " --deltag molt-try old/s") {
		t.Errorf("ran %q", calls)
	}
	w.FailOn("run lvm lvchange", 1, errors.New("no"))
	if err := b.plan.Steps[0].Run(t.Context(), w.env); err == nil || !strings.Contains(err.Error(), "old/s") {
		t.Errorf("Run: %v", err)
	}
}

// TestSnapshotRoom: before anything of the pool is written it has room for the new system beside all
// that a snapshot keeps.
func TestSnapshotRoom(t *testing.T) {
	root, made, beside := Layer{Name: "root"}, Layer{Name: "usr", Pool: "pool"}, Layer{Name: "usr", Pool: "pool2"}
	for name, tt := range map[string]struct {
		used   string
		system []Layer
		fails  bool
	}{
		"half used":        {"49.00", []Layer{root}, false},
		"too full":         {"51.00", []Layer{root}, true},
		"too full, made":   {"51.00", []Layer{made}, true},
		"not known":        {"", []Layer{root}, true},
		"system elsewhere": {"99.00", []Layer{beside}, false},
		"no system on it":  {"99.00", nil, false},
	} {
		w := newWorld()
		w.Answer(lvs(tt.used, "x", "", ""), "lvm", "lvs")
		err := snapshotStep(preInstall, tt.system...).Run(t.Context(), w.env)
		if (err != nil) != tt.fails || tt.fails != (len(lvmChanges(w)) == 0) || tt.fails && !strings.Contains(err.Error(), "vg/pool") {
			t.Errorf("%s: %v, %q", name, err, lvmChanges(w))
		}
	}
}

// TestSnapshotNeeds: which volumes of a group get the system, through what is on them.
func TestSnapshotNeeds(t *testing.T) {
	b := snapshotBuilder(config.Snapshot{Volume: "old/home", Name: "s", When: preInstall})
	b.plan.Layers = append(b.plan.Layers, Layer{Kind: LayerLUKS, Name: "luks-1", Device: "/dev/mapper/luks-1", On: []string{"/dev/old/bak"}})
	b.plan.Volumes = []Volume{{Mount: "/", Device: "/dev/mapper/luks-1"}, {Mount: "/home", Device: "/dev/old/home"}, {Mount: "/var", Device: "/dev/new/var"}}
	b.plan.Space = Space{Fetch: 1, Installed: 2, Image: 4}
	for _, l := range b.plan.Layers {
		b.add(layerStep(nil, l, b.plan.Layers))
	}
	b.snapshotSteps(preInstall)
	for _, step := range b.plan.Steps {
		if s, ok := step.(snapshot); ok && (len(s.system) != 1 || s.system[0].Name != "bak" || s.space != 7) {
			t.Errorf("%+v, %d bytes", s.system, s.space)
		}
	}
}

// TestSnapshotFails: every call that fails ends the step with what it was about.
func TestSnapshotFails(t *testing.T) {
	for _, call := range []string{"run lvm lvs", "run lvm lvremove", "run lvm lvcreate"} {
		w := newWorld()
		w.Answer(lvs("12.00", "s", "root", "molt-post-install"), "lvm", "lvs")
		w.FailOn(call, 1, errors.New("no"))
		err := snapshotStep(postInstall).Run(t.Context(), w.env)
		if err == nil || !strings.Contains(err.Error(), "vg") {
			t.Errorf("%s: %v", call, err)
		}
	}
}
