package vmtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/stage2/event"
)

func TestEventFaults(t *testing.T) {
	plan := event.Event{Type: event.Plan, Steps: []event.StepInfo{{ID: "a"}, {ID: "b"}}}
	start := func(s string) event.Event { return event.Event{Type: event.Start, Step: s} }
	finish := func(s string) event.Event { return event.Event{Type: event.Finish, Step: s} }
	done := event.Event{Type: event.Done}
	tests := []struct {
		name   string
		events []event.Event
		want   []string
	}{
		{"good", []event.Event{plan, start("a"), finish("a"), start("b"), finish("b"), done}, nil},
		{"none", nil, []string{"the last event is not done"}},
		{"no finish", []event.Event{plan, start("a"), done}, []string{"step a has no finish"}},
		{"two", []event.Event{plan, start("a"), finish("a"), finish("a"), done}, []string{"step a finishes without a start"}},
		{"unknown", []event.Event{plan, start("c"), finish("c"), done}, []string{"step c starts without having been announced"}},
		{"early", []event.Event{plan, done, start("a"), finish("a")}, []string{"done is not the last event", "the last event is not done"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, eventFaults(tt.events)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFaultyLines(t *testing.T) {
	log := "[    1.0] sr 1:0:0:0: Attached\n[    9.0] I/O error, dev loop0, sector 8\n[   10.0] EXT4-fs (vda3): mounted filesystem\n"
	got := faulty.FindAllString(log, -1)
	if diff := cmp.Diff([]string{"[    9.0] I/O error, dev loop0, sector 8"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestInitramfs has cpio read what Initramfs wrote, twice over.
func TestInitramfs(t *testing.T) {
	Need(t, "cpio")
	base := Initramfs(t, nil, map[string][]byte{"init": []byte("#!/bin/sh\n")})
	both := Initramfs(t, []string{base}, map[string][]byte{"lib/modules/6.1/odd": []byte("x")})
	for file, want := range map[string]string{base: "init\n", both: "init\n"} {
		cmd := exec.Command("cpio", "--list", "--quiet")
		cmd.Stdin, _ = os.Open(file)
		out, err := cmd.Output()
		if err != nil || string(out) != want {
			t.Errorf("cpio finds %q, %v; want %q", out, err, want)
		}
	}
	data, err := os.ReadFile(both)
	if err != nil {
		t.Fatal(err)
	}
	second := filepath.Join(t.TempDir(), "second")
	head, _ := os.Stat(base)
	if err := os.WriteFile(second, data[(head.Size()+3)&^3:], 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("cpio", "--list", "--quiet")
	cmd.Stdin, _ = os.Open(second)
	out, err := cmd.Output()
	if want := "lib\nlib/modules\nlib/modules/6.1\nlib/modules/6.1/odd"; err != nil || strings.TrimSpace(string(out)) != want {
		t.Errorf("of the second archive cpio finds %q, %v; want %q", out, err, want)
	}
}
