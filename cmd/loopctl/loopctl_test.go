package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/loopctl"
)

// try runs a command line and gives its output and exit status.
func try(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = report(&errs, run(t.Context(), args, &out, &errs))
	return out.String(), errs.String(), code
}

func file(t *testing.T, name string, size int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, bytes.Repeat([]byte("molt"), size/4), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func attached(t *testing.T, args ...string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root for loop devices")
	}
	out, errs, code := try(t, append([]string{"attach"}, args...)...)
	if code != 0 {
		t.Fatal(errs)
	}
	dev := strings.TrimSpace(out)
	t.Cleanup(func() {
		if _, errs, code := try(t, "detach", dev); code != 0 && code != 7 {
			t.Errorf("leaked: %s", errs)
		}
	})
	return dev
}

func TestWholeLife(t *testing.T) {
	from, to := file(t, "from", 1<<20), file(t, "to", 1<<20)
	dev := attached(t, "-r", from)
	out, errs, code := try(t, "switch", dev, to, "--json")
	var r loopctl.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != 0 {
		t.Fatal(err, errs)
	}
	if r.Old.BackingFile != from || r.New.BackingFile != to || r.Bytes != 1<<20 {
		t.Errorf("report %+v", r)
	}
	want := "writing the new file out\nverifying 1048576 bytes\nreading 1048576 bytes back\n"
	if diff := cmp.Diff(want, errs); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for _, args := range [][]string{{"list"}, {"list", "--json"}, {"info", dev}, {"info", "--json", dev}} {
		if out, errs, code := try(t, args...); code != 0 || !strings.Contains(out, to) {
			t.Errorf("%v: %d %s%s", args, code, out, errs)
		}
	}
	if out, errs, code := try(t, "to-memory", "--quiet", dev); code != 0 || !strings.Contains(out, "memfd") {
		t.Errorf("to-memory: %d %s%s", code, out, errs)
	}
	if _, errs, code := try(t, "detach", dev); code != 0 {
		t.Error(errs)
	}
}

func TestExitStatus(t *testing.T) {
	dev := attached(t, "--read-only", "--offset", "1K", "--sizelimit", "64K", file(t, "from", 1<<20))
	rw := attached(t, file(t, "rw", 1<<20))
	for _, tc := range []struct {
		args []string
		want int
	}{
		{nil, 2},
		{[]string{"bogus"}, 2},
		{[]string{"switch", dev}, 2},
		{[]string{"list", "--bogus"}, 2},
		{[]string{"attach", "--offset", "1X", "/x"}, 2},
		{[]string{"help"}, 0},
		{[]string{"list", "--help"}, 0},
		{[]string{"attach", "/does/not/exist"}, 1},
		{[]string{"switch", dev, "/does/not/exist"}, 1},
		{[]string{"switch", dev, file(t, "short", 4096)}, 3},
		{[]string{"switch", dev, "/"}, 3},
		{[]string{"switch", rw, file(t, "to", 1<<20)}, 3},
		{[]string{"switch", "--no-verify", "--digest", "00", dev, file(t, "to", 1<<20)}, 2},
		{[]string{"info", "/dev/null"}, 7},
		{[]string{"switch", "/dev/null", file(t, "to", 4096)}, 7},
		{[]string{"holders", dev}, 0},
	} {
		if _, errs, code := try(t, tc.args...); code != tc.want || (code != 0) != strings.HasPrefix(errs, "loopctl: ") {
			t.Errorf("%v: %d, want %d: %s", tc.args, code, tc.want, errs)
		}
	}
}

// TestPrecedence: of two conditions the graver decides.
func TestPrecedence(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want int
	}{
		{errors.New("x"), 1},
		{&loopctl.Error{Kind: loopctl.ErrRolledBack, Err: loopctl.ErrContentMismatch}, 4},
		{fmt.Errorf("%w: %w", loopctl.ErrContentMismatch, loopctl.ErrNotRestored), 5},
		{&loopctl.Error{Kind: loopctl.ErrStalled}, 6},
	} {
		if got := exitCode(tc.err); got != tc.want {
			t.Errorf("%v: %d, want %d", tc.err, got, tc.want)
		}
	}
}

func TestHelp(t *testing.T) {
	out, _, code := try(t, "help")
	if code != 0 {
		t.Fatal(code)
	}
	for _, c := range commands() {
		if !strings.Contains(out, "loopctl "+c.name) {
			t.Errorf("%s is missing", c.name)
		}
	}
}
