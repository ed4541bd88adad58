package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/molt-installer/molt/stage2/plan"
)

// kickstartsFor are the files of examples/kickstarts with the machine that each names
// in a comment; those without are for any and tried on bios-virtio.
func kickstartsFor(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "examples", "kickstarts", "*.ks"))
	if err != nil || len(files) < 12 {
		t.Fatalf("examples: %q, %v", files, err)
	}
	machines := map[string]string{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		machines[file] = "bios-virtio"
		for line := range bytes.Lines(data) {
			if name, ok := strings.CutPrefix(string(line), "# Machine: "); ok {
				machines[file] = strings.TrimSpace(name)
			}
		}
	}
	return machines
}

// Every example can be used without a warning, and there is a plan for its machine,
// which shows none of its passwords.
func TestExampleKickstarts(t *testing.T) {
	for file, name := range kickstartsFor(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			var out strings.Builder
			if ok, err := (&ksCheck{strict: true, out: &out}).file(t.Context(), file); err != nil || !ok {
				t.Fatalf("check: %v\n%s", err, out.String())
			}
			p, err := planFor(t, name, file)
			if err != nil {
				t.Fatalf("no plan for %s:\n%v", name, err)
			}
			asJSON, err := json.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			text := p.Text()
			for _, secret := range []string{"change-me", "$6$", "$y$"} {
				if strings.Contains(text, secret) || bytes.Contains(asJSON, []byte(secret)) {
					t.Errorf("the plan shows %q", secret)
				}
			}
			if !regexp.MustCompile(`(?m) /( |$)`).MatchString(text) || len(p.Disks) == 0 || len(p.Steps) < 10 {
				t.Errorf("an unlikely plan:\n%s", text)
			}
		})
	}
}

// What the examples promise to keep is in no list of what is lost.
func TestExamplesKeep(t *testing.T) {
	for _, tt := range []struct {
		file string
		keep []string // partitions and volumes
	}{
		{"dualboot", []string{"nvme0n1p1", "nvme0n1p2", "nvme0n1p3", "nvme0n1p4"}},
		{"keep-home", []string{"sda1", "vg0-home", "vg0/home"}},
		{"keep-srv", []string{"sda2"}},
		{"mbr-data", []string{"sda1", "sda2", "sda5"}},
		{"raid-bios", []string{"sdc"}},
	} {
		file := filepath.Join("..", "..", "examples", "kickstarts", tt.file+".ks")
		p, err := planFor(t, kickstartsFor(t)[file], file)
		if err != nil {
			t.Errorf("%s: %v", tt.file, err)
			continue
		}
		lost := strings.Join(p.Lost(), "\n") + "\n"
		for _, keep := range tt.keep {
			if strings.Contains(lost, "/dev/"+keep+":") || strings.Contains(lost, "/dev/"+keep+" ") {
				t.Errorf("%s loses %s:\n%s", tt.file, keep, lost)
			}
		}
	}
}

// The examples stay the same when they are flattened, and differ from each other.
func TestExamplesFlatAndDifferent(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join("..", "..", "examples", "kickstarts", "*.ks"))
	for i, file := range files {
		var flat strings.Builder
		if err := runKs(t.Context(), []string{"flatten", file}, streams{out: &flat, err: io.Discard}); err != nil {
			t.Fatal(err)
		}
		copied := filepath.Join(t.TempDir(), "flat.ks")
		if err := os.WriteFile(copied, []byte(flat.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := runKs(t.Context(), []string{"diff", file, copied}, streams{out: t.Output(), err: io.Discard}); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if next := files[(i+1)%len(files)]; status(runKs(t.Context(), []string{"diff", file, next}, streams{out: io.Discard, err: io.Discard})) != exitNo {
			t.Errorf("%s and %s don't differ", file, next)
		}
	}
}

// Any example for any machine gives a plan or problems in words.
func TestExamplesAnywhere(t *testing.T) {
	machines, err := filepath.Glob(filepath.Join("..", "..", "examples", "machines", "*.json"))
	if err != nil || len(machines) < 10 {
		t.Fatalf("%q, %v", machines, err)
	}
	planned := 0
	for _, machineFile := range machines {
		place, err := openPlace(t.Context(), machineFile, "")
		if err != nil {
			t.Fatal(err)
		}
		for file := range kickstartsFor(t) {
			k, err := readKs(file, nil)
			if err != nil {
				t.Fatal(err)
			}
			p, err := place.plan(t.Context(), k)
			problems := plan.Problems{}
			switch {
			case err == nil:
				planned++
				_ = p.Text()
			case !errors.As(err, &problems) || len(problems) == 0:
				t.Errorf("%s on %s: %v", file, machineFile, err)
			}
		}
	}
	if planned < len(machines) {
		t.Errorf("only %d plans", planned)
	}
}

// planFor is what a kickstart file does to one of the example machines.
func planFor(t *testing.T, name, file string) (*plan.Plan, error) {
	t.Helper()
	place, err := openPlace(t.Context(), machinePath(name), "")
	if err != nil {
		t.Fatal(err)
	}
	k, err := readKs(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	return place.plan(t.Context(), k)
}
