package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/molt-installer/molt/loopctl"
)

// TestWatch: a wrong file is refused and said so, the right one is moved to.
func TestWatch(t *testing.T) {
	from, data := random(t, 1<<20)
	dev := attached(t, "-r", from)
	to := filepath.Join(t.TempDir(), "to")
	p := start(t, nil, "watch", "--json", dev, to)
	if !p.stderr.wait("waiting for " + to) {
		t.Fatal(p.stderr)
	}
	if err := os.WriteFile(to, make([]byte, len(data)), 0o600); err != nil {
		t.Fatal(err)
	}
	if !p.stderr.wait("not yet: ") || !p.stderr.wait(loopctl.ErrContentMismatch.Error()) {
		t.Fatal(p.stderr)
	}
	whole := filepath.Join(filepath.Dir(to), "whole")
	if err := os.WriteFile(whole, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(whole, to); err != nil {
		t.Fatal(err)
	}
	var r loopctl.Report
	if err := json.NewDecoder(p.out).Decode(&r); err != nil || r.New.BackingFile != to {
		t.Errorf("%v %+v", err, r)
	}
	if code := p.status(t); code != 0 {
		t.Errorf("exit status %d: %s", code, p.stderr)
	}
}

// TestWatchCopy makes the copy from the device, and leaves nothing beside it.
func TestWatchCopy(t *testing.T) {
	from, data := random(t, 4<<20)
	dev := attached(t, "-r", from)
	to := filepath.Join(t.TempDir(), "to")
	out, errs, code := try(t, "watch", "--copy", dev, to)
	if code != 0 || !strings.HasPrefix(out, dev+" serves from "+to+" now") || !strings.Contains(errs, "copying "+dev+" to "+to+" (4 MiB)\n") {
		t.Errorf("exit status %d: %s%s", code, out, errs)
	}
	if got, err := os.ReadFile(to); err != nil || !bytes.Equal(got, data) {
		t.Error("wrong copy:", err)
	}
	if entries, _ := os.ReadDir(filepath.Dir(to)); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
	if info, err := loopctl.Stat(dev); err != nil || info.BackingFile != to {
		t.Errorf("%+v %v", info, err)
	}
}

// TestWatchEnds at a signal, with the device as it was.
func TestWatchEnds(t *testing.T) {
	from, _ := random(t, 1<<20)
	dev := attached(t, "-r", from)
	p := start(t, nil, "watch", dev, filepath.Join(t.TempDir(), "to"))
	if !p.stderr.wait("waiting for") {
		t.Fatal(p.stderr)
	}
	p.signal(t)
	if code := p.status(t); code != 1 || !strings.Contains(p.stderr.String(), "loopctl: ") {
		t.Errorf("exit status %d: %s", code, p.stderr)
	}
	if info, err := loopctl.Stat(dev); err != nil || info.BackingFile != from {
		t.Errorf("%+v %v", info, err)
	}
}
