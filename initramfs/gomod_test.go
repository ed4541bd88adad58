package initramfs

import (
	"os"
	"strings"
	"testing"
)

// TestRescueInGoMod: the rescue commands are built from source, so go.mod must
// hold each of them as a tool, or go.sum lacks what it imports.
func TestRescueInGoMod(t *testing.T) {
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range DefaultRescue() {
		if !strings.Contains(string(mod), "\n\t"+urootModule+"/cmds/"+dir+"\n") {
			t.Errorf("go.mod has no tool line for %s: go get -tool %s/cmds/%s", dir, urootModule, dir)
		}
	}
}
