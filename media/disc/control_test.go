package disc

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const packages = `Package: hello
Version: 1:2.10-3
Architecture: amd64
Installed-Size: 277
Essential: yes
Description: example
 with Filename: in its text
Filename: pool/main/h/hello/hello_2.10-3_amd64.deb
Size: 53084
SHA256: aa

Package: data
Version: 1
Architecture: all
Filename: ./data_1_all.deb
Size: 10
SHA256: bb
`

func TestIndex(t *testing.T) {
	ix := index{}
	ix.add(packages)
	p, err := newPkg(ix["hello_1:2.10-3_amd64"])
	if err != nil {
		t.Fatal(err)
	}
	want := pkg{
		Name: "hello", Version: "1:2.10-3", Arch: "amd64", Path: "pool/main/h/hello/hello_2.10-3_amd64.deb",
		SHA256: "aa", Size: 53084, Installed: 277 * 1024,
	}
	if diff := cmp.Diff(want, p, cmpopts.IgnoreUnexported(pkg{})); diff != "" {
		t.Error(diff)
	}
	if p.file() != "hello_1%3a2.10-3_amd64.deb" {
		t.Errorf("apt's name for its file: %s", p.file())
	}
	if diff := cmp.Diff([]string{"hello"}, ix.essential()); diff != "" {
		t.Error(diff)
	}
	moved := p.stanza.with("Filename", "disc2/x.deb")
	if moved.get("filename") != "disc2/x.deb" || moved.get("Size") != "53084" {
		t.Errorf("moved: %s", moved)
	}
}

func TestFromURI(t *testing.T) {
	ix := index{}
	ix.add(packages)
	a := &apt{indexes: ix}
	for line, want := range map[string]string{
		"'http://x/hello_1%253a2.10-3_amd64.deb' hello_1%3a2.10-3_amd64.deb 53084 SHA256:aa": "pool/main/h/hello/hello_2.10-3_amd64.deb",
		"'file:/x/data_1_all.deb' data_1_all.deb 10 ":                                        "pool/local/d/data/data_1_all.deb",
	} {
		p, err := a.fromURI(line)
		if err != nil || p.Path != want || p.stanza.get("Filename") != want {
			t.Errorf("%s: %+v, %v", line, p, err)
		}
	}
	for _, line := range []string{"", "Reading package lists...", "'x' none_1_all.deb 1 SHA256:cc"} {
		if p, err := a.fromURI(line); err == nil {
			t.Errorf("%q is %+v", line, p)
		}
	}
}

func FuzzIndex(f *testing.F) {
	f.Add(packages)
	f.Add("Package:\n\n\n:\n")
	f.Fuzz(func(t *testing.T, text string) {
		ix := index{}
		ix.add(text)
		for _, s := range ix {
			if p, err := newPkg(s); err == nil && p.SHA256 == "" {
				t.Errorf("accepted %+v", p)
			}
			if got := s.with("Filename", "x").get("Filename"); got != "x" {
				t.Errorf("Filename %q in %q", got, s)
			}
		}
	})
}
