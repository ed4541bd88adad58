package tiny_test

import (
	"testing"

	"github.com/molt-installer/molt/internal/vm/vmtest"
)

// TestByHand installs as a person does, on a serial line of 80×24.
func TestByHand(t *testing.T) {
	screen := vmtest.NewScreen()
	r := vmtest.Begin(t, vmtest.Scenario{Set: "tiny", Append: direct, Console: screen})
	pages := []struct{ shows, keys string }{
		{"Target disk (1 of 6)", "\r\r"},
		{"Root password (2 of 6)", rootPassword + "\r" + rootPassword + "\r"},
		{"User account (3 of 6)", "Ada L\rada\r" + userPassword + "\r" + userPassword + "\r"},
		{"Host name (4 of 6)", "\x15snake\r"}, // Ctrl-U empties the line
		{"Time zone (5 of 6)", "\r\r"},
		{"Software (6 of 6)", " \r"},
		{"Erase and install", "\x1b[C\r"},
	}
	for _, p := range pages {
		r.WaitScreen(screen, p.shows)
		r.Type(p.keys)
	}
	r.Finish()
	r.WaitScreen(screen, "The system is installed", "Switch off")
	r.Type("\x1b[B\r")
	r.PoweredOff(t)
	r.CheckEvents(rootPassword, userPassword)
	r.CheckShed()
	r.CheckDisk(func(root string) { vmtest.CheckRoot(t, root, rootPassword, userPassword) })
	checkBoots(t, r)
}
