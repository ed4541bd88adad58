package tiny_test

import (
	"testing"

	"github.com/molt-installer/molt/internal/vm"
	"github.com/molt-installer/molt/internal/vm/scenario"
	"github.com/molt-installer/molt/internal/vm/vmtest"
)

// TestByHand installs as a person does, on a serial line of 80×24.
func TestByHand(t *testing.T) {
	screen := vmtest.NewScreen()
	r := vmtest.Begin(t, vmtest.Scenario{Set: "tiny", Append: direct, Console: screen})
	answer(r, screen)
	r.Finish()
	r.WaitScreen(screen, "The system is installed", "Switch off")
	r.Type("\x1b[B\r")
	r.PoweredOff(t)
	r.CheckEvents(rootPassword, userPassword)
	r.CheckShed()
	r.CheckDisk(func(root string) { vmtest.CheckRoot(t, root, rootPassword, userPassword) })
	checkBoots(t, r)
}

// answer goes through the screens to the start of the installation.
func answer(r *vmtest.Run, screen *vmtest.Screen) {
	const next = "\x0e" // Ctrl-N: the page is answered
	pages := []struct{ shows, keys string }{
		{"Language (1 of ", next},
		{"Keyboard (2 of ", next},
		{"Time zone (3 of ", next},
		{"Network (4 of ", next},
		{"Software (", "\t " + next}, // the first group
		{"Destination (", next},      // the only disk
		{"Root and users (", "\rAda L\rada\r\r" + userPassword + "\r" + userPassword + "\r\r"},
		{"Ada L", "\t\x1b[B\r" + rootPassword + "\r" + rootPassword + "\r" + next},
		{"Host name (", "\x15snake\r"}, // Ctrl-U empties the line
		{"Install ...", "\r"},
		{"Erase and install", "\x1b[C\r"},
	}
	for _, p := range pages {
		r.WaitScreen(screen, p.shows)
		r.Type(p.keys)
	}
}

// TestScratchedDisc: a package of disc 1 can't be read. The disc is named and
// comes out, and with another copy of it the installation goes on.
func TestScratchedDisc(t *testing.T) {
	set := vmtest.OpenSet(t, "tiny")
	screen := vmtest.NewScreen()
	r := vmtest.Begin(t, vmtest.Scenario{
		Set: "tiny", Disc1: vmtest.Scratched(t, set, "pool/*/*/*/busybox-static_*.deb"), Append: direct, Console: screen,
		Offer: func(a scenario.Ask) string { return set.Disc(a.Wanted) },
	})
	answer(r, screen)
	r.WaitScreen(screen, "busybox-static", "disc 1 can't be read: clean it, or use another copy", "Try again")
	if err := r.Guest.WaitTray(t.Context(), vm.DriveID(0), true); err != nil {
		t.Fatal(err)
	}
	r.Type("\r")
	r.Finish()
	if len(r.Offers) != 2 || r.Offers[0].Wanted != 1 || r.Offers[1].Wanted != 2 {
		t.Errorf("discs asked for: %+v, want 1 and 2", r.Offers)
	}
}
