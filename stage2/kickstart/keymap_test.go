package kickstart

import "testing"

func TestKeymaps(t *testing.T) {
	for text, want := range map[string][2]string{
		"keyboard us":                                   {"us", ""},
		"keyboard de-latin1":                            {"de", ""},
		"keyboard de-latin1-nodeadkeys":                 {"de", "nodeadkeys"},
		"keyboard uk":                                   {"gb", ""},
		"keyboard jp106":                                {"jp", ""},
		"keyboard --vckeymap=dvorak":                    {"us", "dvorak"},
		"keyboard --vckeymap=fr_CH-latin1":              {"ch", "fr"},
		"keyboard --vckeymap=bg_pho-utf8":               {"bg", "phonetic"},
		"keyboard --vckeymap=dvorak --xlayouts=de":      {"de", ""},
		"keyboard --xlayouts='us','cz (qwerty)'":        {"us,cz", ",qwerty"},
		"keyboard --vckeymap=de-nodeadkeys --xlayouts=": {"de", "nodeadkeys"},
	} {
		a, diags := Parse("ks.cfg", []byte(text+"\n"), Options{})
		if k := a.Keyboard; k.Layout != want[0] || k.Variant != want[1] {
			t.Errorf("%s: %+v, %v", text, k, diags.Err())
		}
	}
}
