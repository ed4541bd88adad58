package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// dry runs molt dryrun with plain prompts, and lines as its input.
func dry(t *testing.T, lines string, args ...string) (out string, err error) {
	t.Helper()
	var b bytes.Buffer
	args = append([]string{"dryrun", "-machine", "../../examples/machines/uefi-nvme.json", "-example", "../../examples/debian", "-plain"}, args...)
	err = run(t.Context(), args, streams{strings.NewReader(lines), &b, &b})
	return b.String(), err
}

const dryKickstart = `lang C.UTF-8
keyboard us
timezone Etc/UTC --utc
network --hostname=engine
network --bootproto=dhcp --device=link
rootpw --plaintext never-shown
user --name=ada --gecos="Ada L" --groups=sudo --password=never-shown-either --plaintext
sshkey --username=ada "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA ada"
zerombr
clearpart --all --initlabel --drives=nvme0n1
autopart --type=plain
reboot --eject
%packages
@^server
@web
git
-nano
%end
`

// TestDryrun: what a kickstart answers isn't asked; the answers that are saved are the same, and make the
// same plan.
func TestDryrun(t *testing.T) {
	dir := t.TempDir()
	given, saved := filepath.Join(dir, "given.ks"), filepath.Join(dir, "saved.ks")
	if err := os.WriteFile(given, []byte(dryKickstart), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := dry(t, "\nyes\n", "-kickstart", given, "-save", saved)
	if err != nil {
		t.Fatalf("%v, after\n%s", err, out)
	}
	for _, want := range []string{"Debian 13 (dry run) installation", "What has been chosen:", "WILL BE ERASED:", "It was a dry run: nothing was.", "Discs that will be needed: 1, 2", "Not tried:"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if strings.Contains(out, "Page 1 of") || strings.Contains(out, "never-shown") || strings.Contains(out, "$y$") {
		t.Errorf("it asked, or showed a password:\n%s", out)
	}
	info, err := os.Stat(saved)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	again, err := dry(t, "\nyes\n", "-kickstart", saved)
	if err != nil {
		t.Fatalf("%v, after\n%s", err, again)
	}
	plan := func(s string) string {
		_, p, _ := strings.Cut(s, "nothing was.\n")
		p, _, _ = strings.Cut(p, "\nThe answers")
		return p
	}
	if d := cmp.Diff(plan(out), plan(again)); d != "" {
		t.Errorf("the plan (-first +from the saved answers):\n%s", d)
	}
}

// TestDryrunLanguage: the language is that of the questions and of the system.
func TestDryrunLanguage(t *testing.T) {
	for lang, want := range map[string]string{"": "", "de": "de_DE.UTF-8", "de_AT": "de_AT.UTF-8", "en": "en_US.UTF-8", "sr_RS.UTF-8@latin": "sr_RS.UTF-8@latin", "C.UTF-8": "C.UTF-8"} {
		if got := locale(lang); got != want {
			t.Errorf("%q is %q, want %q", lang, got, want)
		}
	}
	out, err := dry(t, "!\n", "-lang", "de")
	if status(err) != exitNo || !strings.Contains(out, ": de_DE.UTF-8") && !strings.Contains(out, "Sprache") {
		t.Errorf("%v, after\n%s", err, out)
	}
}

func TestDryrunLeft(t *testing.T) {
	out, err := dry(t, "")
	if status(err) != exitNo || !strings.Contains(out, "Page 1 of") || strings.Contains(out, "This is what would be done") {
		t.Errorf("%v, after\n%s", err, out)
	}
	for _, args := range [][]string{{"dryrun"}, {"dryrun", "-machine", "nothing.json"}, {"dryrun", "-machine", "../../examples/machines/uefi-nvme.json", "-set", t.TempDir(), "-plain"}} {
		if err := run(t.Context(), args, streams{strings.NewReader(""), &bytes.Buffer{}, &bytes.Buffer{}}); err == nil {
			t.Errorf("molt %v: no error", args)
		}
	}
}
