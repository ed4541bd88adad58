package disc

import (
	"errors"
	"path/filepath"
	"testing"
)

func TestFindMirror(t *testing.T) {
	for name, tc := range map[string]struct {
		files map[string]string
		want  string
	}{
		"one line":     {map[string]string{"sources.list": "# deb http://old/debian x main\ndeb http://a.example/debian/ trixie main\n"}, "http://a.example/debian"},
		"with options": {map[string]string{"sources.list": "deb [arch=amd64 signed-by=/k] https://b.example/debian trixie main"}, "https://b.example/debian"},
		"deb822":       {map[string]string{"sources.list.d/debian.sources": "Types: deb\nURIs: http://c.example/debian http://d.example/debian\nSuites: x\n"}, "http://c.example/debian"},
		"not Debian's": {map[string]string{
			"sources.list.d/a.list":         "deb http://other.example/apt stable main\n",
			"sources.list.d/debian.sources": "URIs: http://e.example/debian-security\n\nURIs: http://e.example/debian\n",
		}, "http://e.example/debian"},
		"backup files": {map[string]string{"sources.list.d/x.sources": "URIs: http://f.example/debian", "sources.list": "deb-src http://no.example/debian x main\n"}, "http://f.example/debian"},
		"none":         {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			etc := t.TempDir()
			for path, text := range tc.files {
				if err := writeFile(filepath.Join(etc, path), []byte(text)); err != nil {
					t.Fatal(err)
				}
			}
			got, err := findMirror(etc)
			if got != tc.want || (tc.want == "") != errors.Is(err, errNoMirror) {
				t.Errorf("%q, %v; want %q", got, err, tc.want)
			}
		})
	}
}
