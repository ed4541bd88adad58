package words

import "testing"

func TestCatalog(t *testing.T) {
	de := Open("de_AT.UTF-8")
	if de.Language() != "de" {
		t.Fatalf("the catalogue of de_AT is %q", de.Language())
	}
	for got, want := range map[string]string{
		de.T("Language"): "Sprache",
		de.T("Nobody has translated %d of this", 1):      "Nobody has translated 1 of this",
		de.N("%d disk", "%d disks", 1, 1):                "1 Datenträger",
		de.N("%d thing nobody knows", "%d things", 2, 2): "2 things",
		de.Said("  9  Install 285 packages"):             "  9  285 Pakete installieren",
		de.Said("/dev/vda: Install 285 packages"):        "/dev/vda: 285 Pakete installieren",
		de.Said("12"):                                        "12",
		de.Said("Language"):                                  "Sprache",
		de.Said("Install 285 packages"):                      "285 Pakete installieren",
		de.Said("Install 285 packages, and more"):            "Install 285 packages, and more",
		Open("ja_JP.UTF-8").T("Language"):                    "Language",
		Open("").N("%d disk", "%d disks", 3, 3):              "3 disks",
		Open("C.UTF-8").Said("Install 285 packages"):         "Install 285 packages",
		Open("de").T("100 % is no format without arguments"): "100 % is no format without arguments",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
