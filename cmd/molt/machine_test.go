package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/molt-installer/molt/internal/linuxhost"
	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/payload/deb"
)

// A program that is there, though not where an ordinary user's PATH leads, isn't called missing, and
// none is that wasn't asked.
func TestNotRead(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for kind, program := range map[string]string{"volume groups": "lvm", "subvolumes": "btrfs"} {
		var b strings.Builder
		notRead(&b, machine.Machine{Unknown: []string{kind + " on /dev/sda: exit status 5"}})
		if got := strings.Contains(b.String(), "with the program "+program); got == linuxhost.Has(program) {
			t.Errorf("%s is there: %v, and it says\n%s", program, !got, b.String())
		}
		b.Reset()
		notRead(&b, machine.Machine{Unknown: []string{"/dev/sda: permission denied"}})
		if got := b.String(); strings.Contains(got, program) || !strings.Contains(got, "not known: /dev/sda: permission denied\n") {
			t.Errorf("%s", got)
		}
	}
}

// What the set doesn't have is the file's fault (1), all else trouble with the set (2).
func TestUnplanned(t *testing.T) {
	for want, err := range map[int]error{
		1: fmt.Errorf("choose: %w", &deb.UnknownError{Names: []deb.Unknown{{Kind: "package", Name: "vmi"}}}),
		2: errors.New("dists/trixie/Release: its digest is another"),
	} {
		judged := unplanned(err)
		var as *statusError
		if !errors.As(judged, &as) {
			judged = &statusError{exitTrouble, judged} // as runKs does
		}
		if got := status(judged); got != want || !errors.Is(judged, err) {
			t.Errorf("%v: exit status %d, want %d", err, got, want)
		}
	}
}
