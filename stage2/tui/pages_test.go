package tui

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/molt-installer/molt/internal/golden"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/dialog"
	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/regional"
)

// pageFacts are those of a recorded machine with Windows on it, and lists that don't change with the machine the
// test runs on.
func pageFacts(t *testing.T) dialog.Facts {
	f := recorded(t, "dualboot-uefi")
	f.Review = func(context.Context, config.Answers) (dialog.Review, error) {
		disk := f.Disks[0]
		return dialog.Review{
			Lost: []string{disk.Describe() + ": " + f.Machine.Contents(disk)},
			Text: "Then on the disk:\n  now   |1 ESP|2|3 Windows   |....|4|\n  then  |1 /boot/efi|2 swap|3 /    |\n" + strings.Repeat("a step\n", 20) + "the last step",
		}, nil
	}
	f.Regions = &regional.Lists{
		Locales: []regional.Locale{
			{Name: "en_US.UTF-8", Language: "English", Country: "United States"},
			{Name: "de_DE.UTF-8", Language: "German", Country: "Germany", Native: "Deutsch", Home: "Deutschland"},
		},
		Layouts: []regional.Layout{
			{Code: "us", Name: "English (US)"},
			{Code: "de", Name: "German", Variants: []regional.Variant{{Code: "nodeadkeys", Name: "German (no dead keys)"}}},
		},
		Zones: []regional.Zone{{Name: "America/New_York", Places: []string{"United States"}}, {Name: "Europe/Berlin", Places: []string{"Germany"}}, {Name: "Etc/UTC"}},
	}
	return f
}

// TestPages: every page of an installation as it is first seen, what is above the pages, and the way through them by keys.
func TestPages(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {100, 30}} {
		a := newAsking(t, testState(pageFacts(t), config.Answers{}))
		var all []string
		see := func(keys ...string) {
			a.keys(keys...)
			all = append(all, trimmed(a.shown(size[0], size[1])))
		}
		for a.ask.form() != nil {
			switch a.ask.form().page.ID {
			case "destination":
				see()
				see("<tab>")
				see("<back>", "<down>", "<down>", " ", "<tab>") // by hand
				see("<f1>")
				see("x", "<back>", "<up>", "<up>", " ")
			case "accounts":
				see()
				see("<enter>") // a user
				see("Red Fox", "<tab>", "fox", "<tab>", "<tab>", "abc", "<tab>", "x")
				see("<esc>", "<tab>", "<down>", " ", "<tab>", "abc")
				see("<tab>", "abd")
				see("<bs>", "c")
			default:
				see()
			}
			before := a.ask.form()
			if a.keys("<ctrl-n>"); a.ask.form() == before {
				t.Fatalf("the page %s isn't left:\n%s", before.page.ID, a.shown(100, 50))
			}
		}
		for _, keys := range []string{"<home>", "<tab>", "<pgdn>", "<pgdn>", "<up>", "<f1>", "x", "<enter>", "<right>"} {
			see(keys)
		}
		golden.Check(t, filepath.Join("testdata", fmt.Sprintf("pages-%dx%d.txt", size[0], size[1])), strings.Join(all, "\n"+strings.Repeat("=", size[0])+"\n"))
	}
}

// TestUnknownFirmware: when it couldn't be found out how the machine starts, the
// destination can be left all the same.
func TestUnknownFirmware(t *testing.T) {
	f := pageFacts(t)
	f.Machine.Firmware = machine.Firmware("")
	a := newAsking(t, testState(f, config.Answers{}))
	a.until("destination")
	if a.keys("<ctrl-n>"); a.ask.form() == nil || a.ask.form().page.ID == "destination" {
		t.Error(a.shown(80, 40))
	}
}
