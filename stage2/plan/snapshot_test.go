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
	volumes := []machine.Stacked{{Name: "home", Kind: "thin"}, {Name: "p", Kind: "thin-pool"}, {Name: "log", Kind: "linear"}, {Name: "before", Kind: "thin"}}
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

// TestSnapshotAgain: another try makes the snapshot of the new system anew, and leaves the one of
// the old system, which is written over by then.
func TestSnapshotAgain(t *testing.T) {
	for when, want := range map[string][]string{"pre-install": nil, "post-install": {"lvremove", "lvcreate"}} {
		w := newWorld()
		s := snapshot{on: []string{"/dev/vda2"}, asked: config.Snapshot{Volume: "vg/root", Name: "s", When: when}}
		if err := s.Run(t.Context(), w.env); err != nil {
			t.Fatal(err)
		}
		if n := len(w.Called("run lvm lvcreate")); n != 1 {
			t.Errorf("%s: made %d times at first", when, n)
		}
		w = newWorld()
		w.Answer(hosttest.Reply{Stdout: "  root\n  s\n"}, "lvm", "lvs")
		if err := s.Run(t.Context(), w.env); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range w.Called("run lvm lv") {
			if command := strings.Fields(c)[2]; command != "lvs" {
				got = append(got, command)
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", when, d)
		}
	}
}

// TestSnapshotFails: every call that fails ends the step with what it was about.
func TestSnapshotFails(t *testing.T) {
	for _, call := range []string{"run lvm lvs", "run lvm lvremove", "run lvm lvcreate"} {
		w := newWorld()
		w.Answer(hosttest.Reply{Stdout: "s\n"}, "lvm", "lvs")
		w.FailOn(call, 1, errors.New("no"))
		err := snapshot{on: []string{"/dev/vda2"}, asked: config.Snapshot{Volume: "vg/root", Name: "s", When: "post-install"}}.Run(t.Context(), w.env)
		if err == nil || !strings.Contains(err.Error(), "vg") {
			t.Errorf("%s: %v", call, err)
		}
	}
}
