package tiny_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/molt-installer/molt/internal/vm/scenario"
	"github.com/molt-installer/molt/internal/vm/vmtest"
	"github.com/molt-installer/molt/stage2/event"
	"github.com/molt-installer/molt/stage2/words"
)

var update = flag.Bool("update", false, "take the pictures in docs/img anew")

// onGerman is which keys of a US keyboard type text where a German layout is loaded.
func onGerman(text string) string {
	return strings.NewReplacer("-", "<slash>", "y", "z", "z", "y").Replace(text)
}

// page is what a screen shows, and the keys that answer it. The picture of it is kept, if that has a name.
type page struct{ shows, keys, picture string }

// vga is a person at the screen and keyboard of a machine.
type vga struct {
	*vmtest.Run
	t    *testing.T
	eyes *vmtest.VGA
}

// answer goes through pages.
func (p vga) answer(pages ...page) {
	p.t.Helper()
	for _, at := range pages {
		p.WaitVGA(p.eyes, at.shows)
		if at.picture != "" {
			p.picture(at.picture)
		}
		p.Press(at.keys)
	}
}

// picture keeps what was seen last with the guest's files, and with -update in the place
// of the picture of that name that README has, if it has one.
func (p vga) picture(name string) {
	p.t.Helper()
	from, to := p.Keep(p.eyes, name), filepath.Join(vmtest.Root(p.t), "docs/img", name+".png")
	if _, err := os.Stat(to); err != nil || !*update {
		return
	}
	data, err := os.ReadFile(from)
	fatal(p.t, err)
	fatal(p.t, os.WriteFile(to, data, 0o644))
}

// TestVGA installs as somebody in Germany does, at the machine's own screen and keyboard: letters and
// keys are German, there is a shell on the second terminal and the log on the third.
func TestVGA(t *testing.T) {
	p := vga{t: t}
	w := words.Open("de_DE.UTF-8")
	set := vmtest.OpenSet(t, "tiny")
	p.Run = vmtest.Begin(t, vmtest.Scenario{Set: "tiny", Append: onScreen, Timeout: 10 * time.Minute, Offer: func(a scenario.Ask) string {
		if a.Wanted == 2 && a.Attempt == 0 {
			p.lookAround(w)
		}
		return set.Disc(a.Wanted)
	}})
	p.eyes = vmtest.NewVGA(t, set)
	p.answer(
		page{"(*) English (United States)", "de_de", ""},
		page{"Search: de_de", "\n", "language"},
		page{" (2 ", "<tab><tab><tab><tab>;['", ""}, // past the buttons, to the line for trying it
		page{"öüä", "<ctrl-n>", "keyboard"},
		page{"Europe/Berlin", "<ctrl-n>", ""},
		page{w.T("Network") + " (", "<ctrl-n>", ""},
		page{w.T("Software") + " (", "<down>\n<ctrl-n>", "software"},
		page{w.T("Destination") + " (", "<ctrl-n>", "destination"},
		page{w.T("Root and users") + " (", "\nAda L;we\nada\n\n" + onGerman(userPassword+"\n"+userPassword+"\n") + "<ctrl-n>", ""},
		page{"> ada ", "<tab><down>\n" + onGerman(rootPassword+"\n"+rootPassword+"\n") + "<ctrl-n>", ""},
		page{w.T("Host name") + " (", "<ctrl-u>snake\n", ""},
		page{w.T("Install ..."), "\n", "summary"},
		page{w.T("Erase and install"), "<right>\n", "confirm"},
	)
	p.Until(started("relocate"))
	p.WaitVGA(p.eyes, w.T("Installing"), "%")
	p.picture("progress")
	p.Finish()
	p.answer(page{w.Said("The system is installed"), "<down>\n", ""})
	p.PoweredOff(t)
	p.CheckEvents(rootPassword, userPassword)
	p.CheckShed()
	p.CheckDisk(func(root string) { vmtest.CheckRoot(t, root, rootPassword, userPassword) })
	checkBoots(t, p.Run)
}

// lookAround looks at the other terminals while disc 2 is waited for, and comes back.
func (p vga) lookAround(w *words.Catalog) {
	p.t.Helper()
	p.WaitVGA(p.eyes, w.T("Disc needed"), "/dev/sr0")
	p.picture("disc")
	p.Press("<alt-f2>")
	p.WaitVGA(p.eyes, "Press Enter for a shell.") // in the language that the boot line has
	p.Press("\n")
	p.WaitVGA(p.eyes, "stage2#")
	p.Press("id\n")
	p.WaitVGA(p.eyes, "uid=0(root)")
	p.Press("<alt-f3>")
	p.WaitVGA(p.eyes, "Insert disc 2 of Tiny 1")
	p.picture("log")
	p.Press("<alt-f1>")
	p.WaitVGA(p.eyes, w.T("Disc needed"))
}

// started waits for the start of a step.
func started(step string) func(event.Event) bool {
	return func(e event.Event) bool { return e.Type == event.Start && e.Step == step }
}
