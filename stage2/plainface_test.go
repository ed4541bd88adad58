package stage2_test

import (
	"errors"
	"io"
	"maps"
	"strings"
	"testing"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/stage2"
)

const rootPassword = "correct-horse-battery"

// whole are the answers that an installation on the bench can't do without.
func whole() map[string][]string {
	return map[string][]string{
		"The root account": {"a password"}, "Root password": {rootPassword}, "The same again": {rootPassword},
		"Host name":         {"engine"},
		"Type the word yes": {"", "yes"},
	}
}

// typed runs an installation with in as its line.
func typed(t *testing.T, b *bench, in io.Reader, out io.Writer) error {
	t.Helper()
	b.installer.Frontend = func(s stage2.Setup) (stage2.Frontend, error) { return stage2.PlainOn(s, in, out), nil }
	return b.installer.Run(t.Context())
}

// TestPlainInstallation goes through a whole installation: the questions, the confirmation,
// the discs, and the end, when the input has none for it any more.
func TestPlainInstallation(t *testing.T) {
	b := newBench(t, "", "console=ttyS0")
	replies := whole()
	replies["The number of what is to be done"] = []string{hangUp}
	p := newTypist(replies)
	if err := typed(t, b, p, p); err != nil {
		t.Fatalf("%v, after\n%s", err, p.text())
	}
	if r := b.result(t); r.Error != "" || r.Action != handoff.Reboot {
		t.Errorf("the result is %+v", r)
	}
	out := p.text()
	for _, c := range []byte(out) {
		if c < ' ' && c != '\n' && c != '\a' || c >= 0x7f {
			t.Errorf("%q was written", c)
		}
	}
	if strings.Contains(out, rootPassword) || strings.Contains(out, "$y$") {
		t.Errorf("a password was written:\n%s", out)
	}
	at := 0
	for _, want := range []string{
		"Root and users", "What has been chosen:", "WILL BE ERASED:", "/dev/vda", "What has been chosen:", "WILL BE ERASED:", "The installation begins",
		"Installing Tiny 1 in ", "Step 1 of ", "is copied to the disk", "\a", "Insert disc 2 of Tiny 1 into /dev/sr0", "Disc 2 is in /dev/sr0.",
		"Done: Tiny 1 is installed", "The system is installed", "1) Restart",
	} {
		i := strings.Index(out[at:], want)
		if i < 0 {
			t.Fatalf("no %q behind\n%s\nbut\n%s", want, out[:at], out[at:])
		}
		at += i + len(want)
	}
	if strings.Contains(b.read(t, "dev/ttyS0"), "Step") {
		t.Error("the console was written to as well")
	}

	t.Run("by a pipe", func(t *testing.T) { // that has all lines at once, and no more
		again := newBench(t, "", "")
		out := newTypist(nil)
		if err := typed(t, again, strings.NewReader(strings.Join(p.typed, "\n")+"\n"), out); err != nil {
			t.Fatalf("%v, after\n%s", err, out.text())
		}
		if r := again.result(t); r.Error != "" || r.Action != handoff.Reboot {
			t.Errorf("the result is %+v", r)
		}
	})
	t.Run("cut short", func(t *testing.T) { testPlainEnds(t, p.typed) })
}

// testPlainEnds: without a confirmation nothing is written, wherever the input ends.
func testPlainEnds(t *testing.T, lines []string) {
	for n := range lines {
		b := newBench(t, "", "")
		err := typed(t, b, strings.NewReader(strings.Join(lines[:n], "\n")+"\n"), io.Discard)
		if !errors.Is(err, stage2.ErrLeft) {
			t.Errorf("after %d lines: %v", n, err)
		}
		if w := b.host.Writes(); len(w) > 0 {
			t.Errorf("after %d lines was written: %v", n, w)
		}
	}
}

// TestPlainTrouble: a step that fails is tried again, then the person gives up.
func TestPlainTrouble(t *testing.T) {
	b := newBench(t, "", "inst.debug.fail=mkfs-/")
	replies := whole()
	replies["The number of what is to be done"] = []string{"1", "nonsense", "", "abort", "3"}
	p := newTypist(replies)
	if err := typed(t, b, p, p); err == nil || !strings.Contains(err.Error(), "made to fail") {
		t.Errorf("Run: %v", err)
	}
	if n := strings.Count(p.text(), "1) Try again"); n != 2 {
		t.Errorf("asked %d times:\n%s", n, p.text())
	}
	if r := b.result(t); r.Action != handoff.Shell {
		t.Errorf("the result is %+v", r)
	}
}

// TestPlainTakesLogs: the output of what failed is told, and the logs can be taken along.
func TestPlainTakesLogs(t *testing.T) {
	b := newBench(t, "", "inst.debug.fail=mkfs-/")
	replies := whole()
	replies["The number of what is to be done"] = []string{"logs", "nowhere", "logs", "url", "logs", "port", "abort", "1"}
	replies["URL, beginning with"] = []string{"gopher://nobody"}
	p := newTypist(replies)
	if err := typed(t, b, p, p); err == nil {
		t.Error("what was made to fail didn't")
	}
	out := p.text()
	for _, want := range []string{") Save the logs\n", "1) ", "To a server, by its URL", "Not possible: ", "The logs are in "} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// TestPlainAfterKickstart asks only what the kickstart leaves open.
func TestPlainAfterKickstart(t *testing.T) {
	b := newBench(t, "lang C.UTF-8\nkeyboard us\ntimezone Etc/UTC\nnetwork --hostname=given\n%packages\n@hello\n%end\nzerombr\nclearpart --all --drives=vda\nautopart\n", "")
	replies := whole()
	maps.DeleteFunc(replies, func(k string, _ []string) bool { return k == "Host name" })
	replies["The number of what is to be done"] = []string{"1"}
	p := newTypist(replies)
	if err := typed(t, b, p, p); err != nil {
		t.Fatalf("%v, after\n%s", err, p.text())
	}
	if out := p.text(); strings.Contains(out, "Host name [") || strings.Contains(out, ": Time zone") || !strings.Contains(out, "Root and users") || !strings.Contains(out, ": given") {
		t.Errorf("it asked\n%s", out)
	}
}
