package tui

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// all is a reader's bytes, by way of linuxKeys.
type all struct {
	io.Reader
	keys linuxKeys
}

func (a *all) Read(p []byte) (int, error) { return a.keys.read(p, a.Reader.Read) }

func TestLinuxKeys(t *testing.T) {
	for in, want := range map[string]string{
		"\x1b[[A":              "\x1b[11~",
		"a\x1b[[Eb":            "a\x1b[15~b",
		"\x1b[[B\x1b[[C":       "\x1b[12~\x1b[13~",
		"\x1b[A\x1bOP\x1b[11~": "\x1b[A\x1bOP\x1b[11~",
		"[[A":                  "[[A",
		"\x1b\x1b[[D":          "\x1b\x1b[14~",
		"":                     "",
	} {
		for name, r := range map[string]io.Reader{"at once": strings.NewReader(in), "byte by byte": iotest.OneByteReader(strings.NewReader(in))} {
			got, err := io.ReadAll(&all{Reader: r})
			if err != nil || string(got) != want {
				t.Errorf("%q, %s: %q, %v; want %q", in, name, got, err, want)
			}
		}
	}
}
