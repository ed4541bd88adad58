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

	"github.com/molt-installer/molt/cmd/loopctl/internal/cli"
	"github.com/molt-installer/molt/loopctl"
)

// try runs a command line and gives its output and exit status.
func try(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, cli.Streams{Out: &out, Err: &errs})
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
	want := fmt.Sprintf("checking whether %[1]s can be switched\nwriting %[2]s out\ncomparing %[2]s with %[1]s (1 MiB)\nreading %[1]s back (1 MiB)\n", dev, to)
	if diff := cmp.Diff(want, errs); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for _, args := range [][]string{{"list"}, {"list", "--json"}, {"list", "-j", to}, {"info", dev}, {"info", "--json", dev}} {
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
		{[]string{"switch", "--rescue", dev, file(t, "to", 1<<20)}, 2},
		{[]string{"detach"}, 2},
		{[]string{"detach", "--all", dev}, 2},
		{[]string{"serve"}, 2},
		{[]string{"serve", "gopher://x/y"}, 1},
		{[]string{"holders", dev}, 0},
	} {
		if _, errs, code := try(t, tc.args...); code != tc.want || (code != 0) != strings.Contains("\n"+errs, "\nloopctl: ") {
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
		{&cli.UsageError{}, 2},
		{errStillServed, 6},
		{&loopctl.Error{Kind: loopctl.ErrRolledBack, Err: loopctl.ErrContentMismatch}, 4},
		{fmt.Errorf("%w: %w", loopctl.ErrContentMismatch, loopctl.ErrNotRestored), 5},
		{&loopctl.Error{Kind: loopctl.ErrStalled}, 6},
	} {
		if got := exitCode(tc.err); got != tc.want {
			t.Errorf("%v: %d, want %d", tc.err, got, tc.want)
		}
	}
}

// TestErrorsSayWhatToDo: what, on what, why, and what to do about it.
func TestErrorsSayWhatToDo(t *testing.T) {
	dev, short := attached(t, "--read-only", file(t, "from", 1<<20)), file(t, "short", 4096)
	_, got, _ := try(t, "switch", "--quiet", dev, short)
	want := "loopctl: switch " + dev + " (" + short + "): new backing file has another size: it has 4096 bytes, the device needs 1048576\n" +
		"hint: the copy must be as long as the file in use, to the byte; a device attached with --sizelimit takes any that is long enough\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := hintFor(&loopctl.Error{Op: "detach", Dev: "/dev/loop3", Kind: loopctl.ErrBusy}); got != "`loopctl holders /dev/loop3` names who holds it" {
		t.Error(got)
	}
}

// TestSizes: losetup's suffixes.
func TestSizes(t *testing.T) {
	for _, tc := range []struct {
		in   string
		want uint64
	}{{"0", 0}, {"4096", 4096}, {"4K", 4096}, {"4KiB", 4096}, {"4KB", 4000}, {"2G", 2 << 30}, {"3MB", 3e6}, {"15E", 15 << 60}} {
		if got, err := parseSize(tc.in); got != tc.want || err != nil {
			t.Errorf("%s: %d %v", tc.in, got, err)
		}
	}
	for _, in := range []string{"", "K", "-1", "1X", "1i", "1KiBB", "16E", "1.5K", "99999999999999999999", "1BK", "1 K", "1EE"} {
		if got, err := parseSize(in); err == nil {
			t.Errorf("%q is %d", in, got)
		}
	}
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1 << 20: "1 MiB", 1536 << 10: "1.5 MiB", 115<<20 + 1000: "115 MiB", 1<<40 - 1: "1024 GiB"} {
		if got := people(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
