package tiny_test

import (
	"testing"

	"github.com/molt-installer/molt/internal/vm/vmtest"
)

// onScreen boots with the machine's own screen and keyboard as the main console.
const onScreen = "console=ttyS0,115200n8 console=tty0 no_timer_check"

// TestOwnConsole is at the machine itself, in Austria: the language is found by its country, the
// screen then has its letters and the keyboard its keys, the second terminal has
// a shell, and the third the log. With a shell open the machine still ends when it is asked to.
func TestOwnConsole(t *testing.T) {
	r := vmtest.Begin(t, vmtest.Scenario{Set: "tiny", Append: onScreen})
	v := vmtest.NewVGA(t, r.Set)
	r.WaitVGA(v, "Language", "English (United States)")
	r.Keep(v, "language")
	r.Press("Austria")
	r.WaitVGA(v, "Search: Austria", "German (Austria), Deutsch (Österreich)")
	r.Keep(v, "searched")
	r.Press("\n")
	r.WaitVGA(v, " (2 ", "(*) German") // the second page, whatever language its title is in
	r.Keep(v, "keyboard")

	r.Press("<alt-f2>")
	r.WaitVGA(v, "shell")
	r.Press("\n")
	r.WaitVGA(v, "stage2#")
	r.Press("ttz\necho [;'\n") // the keys of a US keyboard, where the German one has "tty" and "echo üöä"
	r.WaitVGA(v, "/dev/tty2", "\nüöä")
	r.Keep(v, "shell")

	r.Press("<alt-f3>")
	r.WaitVGA(v, "asking at the terminal")
	r.Keep(v, "log")
	r.Press("<alt-f1>")
	r.CtrlAltDel()
}
