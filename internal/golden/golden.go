// Package golden compares what a test got with a file that holds what it should
// get. It judges nothing: whoever renews a file reads the difference.
//
// A package whose tests use it has the flag by which files are renewed:
//
//	var _ = flag.Bool("update", false, "write the golden files anew")
package golden

import (
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Check fails the test when file holds something else than got, or, with -update,
// writes got there.
func Check(t testing.TB, file, got string) {
	t.Helper()
	if f := flag.Lookup("update"); f != nil && f.Value.String() == "true" {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -update accepts it):\n%s", file, diff)
	}
}
