package kickstart

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/stage2/config"
)

// TestCanonical: what pykickstart 3.74 writes of a file that it has read says the
// same as the file itself. It writes "bootloader --location=none" where there was
// no bootloader, mbr where there is no location, and one word for poweroff and shutdown.
func TestCanonical(t *testing.T) {
	data, err := os.ReadFile("testdata/canonical.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, line := range bytes.Split(bytes.TrimSpace(data), []byte("\n")) {
		var v struct{ Input, Canonical string }
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatal(err)
		}
		given, diags := Parse("ks.cfg", []byte(v.Input), Options{})
		written, _ := Parse("ks.cfg", []byte(v.Canonical), Options{})
		if len(diags.Of(Unsupported)) > 0 {
			continue
		}
		compared++
		if !strings.Contains(v.Input, "bootloader") {
			written.Boot = config.Bootloader{}
		}
		if given.End.Action == "poweroff" && written.End.Action == "shutdown" {
			written.End.Action = "poweroff"
		}
		if written.Boot.Location == "mbr" && given.Boot.Location == "" {
			written.Boot.Location = ""
		}
		slices.Sort(written.Firewall.Services)
		slices.Sort(given.Firewall.Services)
		written.Firewall.Services = slices.Compact(written.Firewall.Services) // it names some twice
		if diff := cmp.Diff(given, written, sameAnswers()); diff != "" {
			t.Errorf("%q (-as given +as pykickstart writes it):\n%s", v.Input, diff)
		}
	}
	if compared < 200 {
		t.Errorf("only %d files were compared", compared)
	}
}
