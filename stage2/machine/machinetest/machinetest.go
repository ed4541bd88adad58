// Package machinetest gives tests the machines that are recorded in examples/machines. It is
// for tests alone, and probes nothing.
package machinetest

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/molt-installer/molt/stage2/machine"
)

// Recorded are the machines in dir, which is examples/machines as seen from the test, by
// their files' names without ".json".
func Recorded(t testing.TB, dir string) map[string]machine.Machine {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) < 10 {
		t.Fatalf("%d machines in %s: %v", len(files), dir, err)
	}
	all := map[string]machine.Machine{}
	for _, f := range files {
		m, err := machine.Load(f)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(filepath.Base(f), ".json")] = m
	}
	return all
}
