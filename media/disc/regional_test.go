package disc

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLocaleNames(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"SUPPORTED":               "de_AT.UTF-8 UTF-8\nde_AT ISO-8859-1\naa_ER UTF-8\nsr_RS@latin UTF-8\n",
		"locales/de_AT":           "% a comment\nlanguage   \"Austrian German\"\nterritory  \"Austria\"\ncopy \"de_DE\"\nlang_name\t\"Deutsch\" % note\ncountry_name \"Österreich\"\n",
		"locales/aa_ER":           "language \"Afar\"\nterritory \"Eritrea\"\nlanguage \"another\"\n",
		"locales/sr_RS@latin":     "language \"Serbian\"\nterritory \"Serbia\"\nlang_name \"s<U0072>pski\"\n",
		"locales/not_in_the_list": "language \"None\"\n",
	} {
		if err := writeFile(filepath.Join(dir, name), []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := localeNames(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := "de_AT.UTF-8\tAustrian German\tAustria\tDeutsch\tÖsterreich\naa_ER\tAfar\tEritrea\t\t\nsr_RS@latin\tSerbian\tSerbia\tsrpski\t\n"
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if err := os.Remove(filepath.Join(dir, "locales/aa_ER")); err != nil {
		t.Fatal(err)
	}
	if _, err := localeNames(dir); err == nil {
		t.Error("no error for a locale without a source")
	}
}

// TestRegional: what stage 2 keeps of perl, the fonts and the keyboards.
func TestRegional(t *testing.T) {
	root := t.TempDir()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write([]byte("a font"))
	z.Close()
	for name, text := range map[string]string{
		"usr/share/i18n/SUPPORTED":                                "de_DE.UTF-8 UTF-8\n",
		"usr/share/i18n/locales/de_DE":                            "language \"German\"\n",
		"usr/share/consolefonts/Lat15-Fixed16.psf.gz":             packed.String(),
		"usr/share/consolefonts/Lat15-Fixed18.psf.gz":             packed.String(),
		"usr/share/consolefonts/Lat15-VGA16.psf.gz":               packed.String(),
		"usr/share/consolefonts/Lat15-TerminusBoldVGA16.psf.gz":   packed.String(),
		"usr/lib/x86_64-linux-gnu/perl-base/strict.pm":            "",
		"usr/lib/x86_64-linux-gnu/perl-base/unicore/Name.pm":      "",
		"usr/share/X11/xkb/rules/base":                            "",
		"usr/share/X11/xkb/rules/evdev.xml":                       "",
		"usr/share/X11/xkb/symbols/de":                            "",
		"usr/share/X11/xkb/geometry/pc":                           "",
		"usr/lib/x86_64-linux-gnu/another/strictly/left/alone.so": "",
	} {
		if err := writeFile(filepath.Join(root, name), []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := regional(root); err != nil {
		t.Fatal(err)
	}
	var left []string
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(root, path)
			left = append(left, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"usr/lib/x86_64-linux-gnu/another/strictly/left/alone.so",
		"usr/lib/x86_64-linux-gnu/perl-base/strict.pm", "usr/share/X11/xkb/rules/base", "usr/share/X11/xkb/symbols/de",
		"usr/share/consolefonts/Lat15-Fixed16.psf", "usr/share/consolefonts/Lat15-VGA16.psf", "usr/share/i18n/SUPPORTED", "usr/share/molt/locales",
	}
	if d := cmp.Diff(want, left); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if font, _ := os.ReadFile(filepath.Join(root, "usr/share/consolefonts/Lat15-Fixed16.psf")); string(font) != "a font" {
		t.Errorf("the font is %q", font)
	}
}
