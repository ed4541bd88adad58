package kickstart

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFlatten(t *testing.T) {
	files := map[string]string{
		"net.ks":  "# the network\nnetwork --hostname=a # no line end",
		"pk":      "vim\n%include more\n",
		"more":    "nano\n",
		"self.ks": "%include self.ks\n",
		"long.ks": "bootloader \\\n  --timeout=3\n",
	}
	include := func(path string) ([]byte, error) {
		if text, ok := files[path]; ok {
			return []byte(text), nil
		}
		return nil, fs.ErrNotExist
	}
	tests := []struct{ name, in, want, err string }{
		{"none", "# c\nlang C\n", "# c\nlang C\n", ""},
		{"command", "lang C\n%include net.ks\ntext\n", "lang C\n# from net.ks\n# the network\nnetwork --hostname=a # no line end\n# end of net.ks\ntext\n", ""},
		{"in a section", "%packages\n%include pk\nbash\n%end\n%include long.ks\n",
			"%packages\nvim\nnano\nbash\n%end\n# from long.ks\nbootloader \\\n  --timeout=3\n# end of long.ks\n", ""},
		{"in a joined line", "lang \\\n%include\n", "lang \\\n%include\n", ""},
		{"kept", "%include /tmp/made\n", "%include /tmp/made\n", ""},
		{"missing", "%include a\n%include b\nlang C\n", "lang C\n", "%include a: file does not exist\n%include b: file does not exist"},
		{"itself", "%include self.ks\n", "", "the file includes itself: a.ks → self.ks → self.ks"},
		{"with a password", "%include http://u:pw@h/x\n", "", "%include http://REDACTED@h/x: file does not exist"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, err := Flatten("a.ks", []byte(tt.in), include, func(path string, _ error) bool { return strings.HasPrefix(path, "/tmp/") })
			text := ""
			if err != nil {
				text = err.Error()
			}
			if diff := cmp.Diff(tt.err, text); diff != "" {
				t.Errorf("error: %s", diff)
			}
			if tt.name == "itself" {
				return
			}
			if diff := cmp.Diff(tt.want, string(out)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A flat file has the answers of the files it was made of.
func FuzzFlatten(f *testing.F) {
	f.Add("lang C\n%include x\n%packages\n%include x\n%end\n", "vim\nnano")
	f.Add("%post\n%include x\n%end\n", "echo \\\n%end\n")
	f.Add("rootpw \\\n%include x\nlang C", "timezone UTC\n%pre\n%end\n")
	f.Fuzz(func(t *testing.T, in, other string) {
		include := func(path string) ([]byte, error) {
			if path == "x" {
				return []byte(other), nil
			}
			return nil, fs.ErrNotExist
		}
		want, diags := Parse("a", []byte(in), Options{Include: include})
		if diags.Err() != nil {
			return
		}
		flat, err := Flatten("a", []byte(in), include, func(string, error) bool { return true })
		if err != nil {
			t.Fatalf("%q: %v", in, err)
		}
		got, diags := Parse("a", flat, Options{})
		if diags.Err() != nil || string(Write(got)) != string(Write(want)) {
			t.Errorf("%q becomes %q: %v", in, flat, diags.Err())
		}
	})
}
