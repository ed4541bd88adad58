package tiny_test

import (
	"testing"
	"time"

	"github.com/molt-installer/molt/internal/vm/vmtest"
)

// TestKilled kills stage 2 while it asks, with a shell open: stage 1 has the console back, says what happened,
// and starts it again. Nothing was written.
func TestKilled(t *testing.T) {
	screen := vmtest.NewScreen()
	r := vmtest.Begin(t, vmtest.Scenario{Set: "tiny", Append: direct, Console: screen, Timeout: 6 * time.Minute})
	r.WaitScreen(screen, "Language (1 of ")
	r.Type("\x1a") // Ctrl-Z
	r.WaitScreen(screen, "exit comes back to the installation", "stage2# ")
	r.Type("kill -9 $PPID\r")
	r.Expect(`Stage 2 ended without a result: ended by signal 9`)
	r.Expect(`What now\?\n(.*\n)*  r  try again\n(.*\n)*> `)
	r.Type("r\r")
	r.Expect(`Disc 1 of Tiny 1 is in`)
	r.WaitScreen(screen, "Language (1 of ", "English (United States)")
	r.CtrlAltDel()
	r.CheckUntouched()
}
