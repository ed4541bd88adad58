package plan

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/payload"
)

func TestKeyboardText(t *testing.T) {
	for _, tt := range []struct {
		k    config.Keyboard
		want string
	}{
		{config.Keyboard{Layout: "de,us", Variant: "nodeadkeys,", Options: "grp:alt_shift_toggle"}, "XKBLAYOUT=\"de,us\"\nXKBVARIANT=\"nodeadkeys,\"\nXKBOPTIONS=\"grp:alt_shift_toggle\"\n"},
		{config.Keyboard{Keymap: "uk"}, "XKBLAYOUT=\"gb\"\nXKBVARIANT=\"\"\nXKBOPTIONS=\"\"\n"},
		{config.Keyboard{}, "XKBLAYOUT=\"us\"\nXKBVARIANT=\"\"\nXKBOPTIONS=\"\"\n"},
	} {
		if d := cmp.Diff("XKBMODEL=\"pc105\"\n"+tt.want+"BACKSPACE=\"guess\"\n", keyboardText(tt.k)); d != "" {
			t.Errorf("%+v (-want +got):\n%s", tt.k, d)
		}
	}
}

// TestKeyboardInInitramfs: where a passphrase is asked for, the keyboard is there before the
// initramfs is made, and one that a package has changed makes it anew. Elsewhere that
// would be the longest step for nothing.
func TestKeyboardInInitramfs(t *testing.T) {
	keys := keyboardText(config.Keyboard{Layout: "de"})
	for name, tt := range map[string]struct {
		files    map[string]string
		replaced bool
		made     int
	}{
		"as it was":              {map[string]string{"crypttab": "c\n"}, false, 0},
		"changed":                {map[string]string{"crypttab": "c\n"}, true, 1},
		"changed, no encryption": {map[string]string{}, true, 0},
	} {
		w := newWorld()
		w.AddFile("/target/usr/sbin/update-initramfs", "")
		tt.files[keyboardFile] = keys
		s := tables{base{"fstab", "", 1}, tt.files}
		if err := s.Run(t.Context(), w.env); err != nil {
			t.Fatal(err)
		}
		if tt.replaced {
			w.AddFile("/target/etc/"+keyboardFile, "XKBLAYOUT=\"us\"\n")
		}
		if err := (retable{s}).Run(t.Context(), w.env); err != nil {
			t.Fatal(err)
		}
		if got, _ := w.File("/target/etc/" + keyboardFile); got != keys {
			t.Errorf("%s: the keyboard is %q", name, got)
		}
		if n := len(w.Called("run in /target: update-initramfs")); n != tt.made {
			t.Errorf("%s: the initramfs is made %d times", name, n)
		}
	}
}

// TestKeyboardKept: what keyboard-configuration 1.242 made of a file with two layouts is as good.
func TestKeyboardKept(t *testing.T) {
	want := keyboardText(config.Keyboard{Layout: "de,us", Variant: "nodeadkeys,", Options: "grp:alt_shift_toggle"})
	for text, kept := range map[string]bool{
		strings.Replace(want, "toggle", "toggle,grp_led:scroll", 1): true,
		"# a comment\n" + want:                          true,
		strings.Replace(want, "de,us", "us", 1):         false,
		strings.Replace(want, "nodeadkeys", "", 1):      false,
		strings.Replace(want, "grp:alt", "grp:ctrl", 1): false,
		"": false,
	} {
		if keyboardKept(text, want) != kept {
			t.Errorf("%q: kept %v", text, !kept)
		}
	}
}

// TestKeyboardIsThereFirst: no step between the one that writes it and the payload's.
func TestKeyboardIsThereFirst(t *testing.T) {
	b := &builder{}
	b.Selection = &payload.Selection{}
	b.Answers.Keyboard.Layout = "fr"
	b.Answers.Boot.Location = "none"
	b.systemSteps()
	var ids []string
	for _, s := range b.plan.Steps {
		if tab, ok := s.(tables); ok && tab.files[keyboardFile] != keyboardText(config.Keyboard{Layout: "fr"}) {
			t.Errorf("%s has %q", s.ID(), tab.files[keyboardFile])
		}
		ids = append(ids, s.ID())
	}
	early, made, finished, last := slices.Index(ids, "fstab"), slices.Index(ids, "install"), slices.Index(ids, "finish"), slices.Index(ids, "tables")
	if early < 0 || made < early || finished < made || last < finished {
		t.Errorf("the steps are %v", ids)
	}
}

// TestLocaleGen: a line that is there and off is switched on, others are added; a modifier is no part
// of the character set.
func TestLocaleGen(t *testing.T) {
	got := localeGen("# list\n# de_DE.UTF-8 UTF-8\n# fr_FR.UTF-8 UTF-8\n", []string{"de_DE.UTF-8", "sr_RS.UTF-8@latin", "aa_ER"})
	want := "# list\nde_DE.UTF-8 UTF-8\n# fr_FR.UTF-8 UTF-8\nsr_RS.UTF-8@latin UTF-8\naa_ER UTF-8\n"
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
