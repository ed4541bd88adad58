package regional

import (
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/stage2/config"
)

// root has a little of each list, as they are in stage 2's image.
func root() fstest.MapFS {
	files := map[string]string{
		localeFile: "C.UTF-8\t\t\t\t\nde_AT.UTF-8\tAustrian German\tAustria\tDeutsch\tÖsterreich\nde_CH.UTF-8\tSwiss High German\tSwitzerland\tDeutsch\tSchweiz\n" +
			"de_DE.UTF-8\tGerman\tGermany\tDeutsch\tDeutschland\neo\tEsperanto\t\tEsperanto\t\neu_ES.UTF-8\tBasque\tSpain\teuskara\tEspainia\neu_FR.UTF-8\tBasque\tFrance\t\t\n" +
			"nds_DE\tLow German\tGermany\tNeddersass’sch\tDüütschland\nnds_NL\tLow Saxon\tNetherlands\tNedersaksisch\tNederlaand\n" +
			"pt_BR.UTF-8\tBrazilian Portuguese\tBrazil\tportuguês\tBrasil\npt_PT.UTF-8\tEuropean Portuguese\tPortugal\tportuguês\tPortugal\nsr_RS@latin\tSerbian\tSerbia\tsrpski\tSrbija\n",
		layoutFile: "! model\n  pc105  Generic 105-key PC\n\n! layout\n  us              English (US)\n  de              German\n  custom          A user-defined custom Layout\n" +
			"  ru              Russian\n  ch              German (Switzerland)\n  fr              French\n  in              Indian\n\n" +
			"! variant\n  nodeadkeys      de: German (no dead keys)\n  fr              ch: French (Switzerland)\n  latin9          fr: French (legacy, alt.)\n\n! option\n  grp             Switching to another layout\n",
		zoneFile: "# a comment\nAT\t+4813+01620\tEurope/Vienna\nRU\t+5443+02030\tEurope/Kaliningrad\tMSK-01 - Kaliningrad\nRU\t+554521+0373704\tEurope/Moscow\tMSK+00 - Moscow area\n" +
			"US\t+404251-0740023\tAmerica/New_York\tEastern (most areas)\nUS\t+415100-0873900\tAmerica/Chicago\tCentral (most areas)\nIN\t+2232+08822\tAsia/Kolkata\n",
		countryFile: "#code\tname\nAT\tAustria\nRU\tRussia\nUS\tUnited States\nIN\tIndia\n",
		linkFile: "# version 2026f\nR A 1916 o - Jun 14 23s 1 S\nZ Europe/Vienna 1:5:21 - LMT 1893 Ap\n1 c CE%sT\nZ Europe/Kaliningrad 1:22 - LMT 1893\nZ Europe/Moscow 2:30 - MMT 1880\n" +
			"Z America/New_York -4:56 - LMT 1883\nZ America/Chicago -5:50 - LMT 1883\nZ Asia/Kolkata 5:53 - LMT 1854\nZ EST -5 - EST\nZ Etc/UTC 0 - UTC\n" +
			"L Asia/Kolkata Asia/Calcutta\nL Europe/Vienna Europe/Nowhere\nL Etc/UTC Etc/Zulu\n",
	}
	m := fstest.MapFS{}
	for name, text := range files {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	for _, zone := range []string{"Europe/Vienna", "Europe/Kaliningrad", "Europe/Moscow", "America/New_York", "America/Chicago", "Asia/Kolkata", "EST", "Etc/UTC", "Etc/Zulu"} {
		m[zoneDir+zone] = &fstest.MapFile{Data: []byte("TZif")}
	}
	return m
}

func read(t *testing.T) *Lists {
	t.Helper()
	l, err := Read(root())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLocales(t *testing.T) {
	var got []string
	for _, l := range read(t).Locales {
		got = append(got, l.Name+": "+l.Label()+" = "+l.NativeLabel())
	}
	want := []string{
		"C.UTF-8: C.UTF-8 = ",
		"eu_FR.UTF-8: Basque (France) = euskara", "eu_ES.UTF-8: Basque (Spain) = euskara (Espainia)",
		"eo.UTF-8: Esperanto = Esperanto",
		"de_AT.UTF-8: German (Austria) = Deutsch (Österreich)", "de_DE.UTF-8: German (Germany) = Deutsch (Deutschland)",
		"de_CH.UTF-8: German (Switzerland) = Deutsch (Schweiz)",
		"nds_DE.UTF-8: Low German (Germany) = Neddersass’sch (Düütschland)", "nds_NL.UTF-8: Low German (Netherlands) = Nedersaksisch (Nederlaand)",
		"pt_BR.UTF-8: Portuguese (Brazil) = português (Brasil)", "pt_PT.UTF-8: Portuguese (Portugal) = português (Portugal)",
		"sr_RS.UTF-8@latin: Serbian (Serbia, latin) = srpski (Srbija, latin)",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestFind: by code, by the English name, by the name in the language itself, with
// its accents or without.
func TestFind(t *testing.T) {
	l := read(t)
	at, _ := l.Locale("de_AT")
	for _, word := range []string{"de_AT", "Austrian German", "Österreich", "Osterreich", "Deutsch"} {
		if !strings.Contains(at.Find(), word) {
			t.Errorf("%q doesn't find Austrian German: %q", word, at.Find())
		}
	}
	de, _ := l.Layout("de")
	for _, word := range []string{"de", "nodeadkeys", "no dead keys"} {
		if !strings.Contains(de.Find(), word) {
			t.Errorf("%q doesn't find the German keyboard: %q", word, de.Find())
		}
	}
	for word, zone := range map[string]string{"Calcutta": "Asia/Kolkata", "India": "Asia/Kolkata", "New York": "America/New_York", "Eastern": "America/New_York"} {
		i := slices.IndexFunc(l.Zones, func(z Zone) bool { return z.Name == zone })
		if i < 0 || !strings.Contains(l.Zones[i].Find(), word) {
			t.Errorf("%q doesn't find %s", word, zone)
		}
	}
}

func TestZones(t *testing.T) {
	l := read(t)
	var got []string
	for _, z := range l.Zones {
		got = append(got, z.Label())
	}
	want := []string{"America/Chicago (United States)", "America/New_York (United States)", "Asia/Kolkata (India)", "Etc/UTC", "Etc/Zulu",
		"Europe/Kaliningrad (Russia)", "Europe/Moscow (Russia)", "Europe/Vienna (Austria)"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for locale, want := range map[string][]string{
		"de_AT.UTF-8": {"Europe/Vienna"}, "en_US.UTF-8": {"America/New_York", "America/Chicago"},
		"ru_RU.UTF-8": {"Europe/Moscow", "Europe/Kaliningrad"}, "eo.UTF-8": nil, "C.UTF-8": nil, "": nil,
	} {
		if d := cmp.Diff(want, l.ZonesFor(locale)); d != "" {
			t.Errorf("%s (-want +got):\n%s", locale, d)
		}
	}
}

func TestKeyboardFor(t *testing.T) {
	l := read(t)
	for locale, want := range map[string]config.Keyboard{
		"de_DE.UTF-8": {Layout: "de"}, "de_CH.UTF-8": {Layout: "ch"}, "fr_CH.UTF-8": {Layout: "ch", Variant: "fr"},
		"fr_FR": {Layout: "fr", Variant: "latin9"}, "ru_RU.UTF-8": {Layout: "us,ru", Options: toggle},
		"en_US.UTF-8": {Layout: "us"}, "C.UTF-8": {Layout: "us"}, "": {Layout: "us"},
		"it_IT.UTF-8":       {Layout: "us"}, // which these lists don't have
		"pa_IN.UTF-8":       {Layout: "us"}, // nor the variant
		"hi_IN.UTF-8":       {Layout: "us,in", Options: toggle},
		"de_XX.UTF-8@mod":   {Layout: "de"},
		"nonsense\x00\xff_": {Layout: "us"},
	} {
		if d := cmp.Diff(want, l.KeyboardFor(locale)); d != "" {
			t.Errorf("%q (-want +got):\n%s", locale, d)
		}
	}
}

func TestKeyboardName(t *testing.T) {
	l := read(t)
	for want, k := range map[string]config.Keyboard{
		"German": {Layout: "de"}, "German (no dead keys)": {Layout: "de", Variant: "nodeadkeys"},
		"English (US), Russian": {Layout: "us,ru", Options: toggle}, "English (US), French (Switzerland)": {Layout: "us,ch", Variant: ",fr"},
		"German (odd)": {Layout: "de", Variant: "odd"}, "zz": {Layout: "zz"},
	} {
		if got := l.KeyboardName(k); got != want {
			t.Errorf("%+v is %q, want %q", k, got, want)
		}
	}
}

// TestMissing: a list that isn't there is said, and the others are.
func TestMissing(t *testing.T) {
	for _, name := range []string{localeFile, layoutFile, zoneFile, linkFile, countryFile} {
		files := root()
		delete(files, name)
		l, err := Read(files)
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v", name, err)
		}
		if n := len(l.Locales) + len(l.Layouts) + len(l.Zones); n == 0 {
			t.Errorf("without %s there is nothing at all", name)
		}
	}
	if _, err := Read(fstest.MapFS{}); err == nil {
		t.Error("no error for an empty root")
	}
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{localeFile, layoutFile, zoneFile, linkFile, countryFile} {
		data, _ := fs.ReadFile(root(), name)
		f.Add(name, data)
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		files := root()
		if _, known := files[name]; !known {
			t.Skip()
		}
		files[name] = &fstest.MapFile{Data: data}
		l, _ := Read(files)
		for _, one := range l.Locales {
			_, _, _, _ = one.Label(), one.NativeLabel(), one.Find(), l.ZonesFor(one.Name)
			if k := l.KeyboardFor(one.Name); k.Layout == "" {
				t.Errorf("no keyboard for %q", one.Name)
			}
		}
	})
}
