package config

import (
	"regexp"
	"strings"
)

// PEM is the text of a PEM file (RFC 7468). It prints and marshals without the private
// keys in it; string(p) is the text.
type PEM string

// blankKey is what stands in place of a key.
const blankKey = "***"

// HasKey reports whether there is a private key in it.
func (p PEM) HasKey() bool { return len(PrivateKeys([]byte(p))) > 0 }

// String hides the keys.
func (p PEM) String() string {
	var b strings.Builder
	at := 0
	for _, k := range PrivateKeys([]byte(p)) {
		b.WriteString(string(p[at:k[0]]) + blankKey)
		at = k[1]
	}
	return b.String() + string(p[at:])
}

// GoString hides the keys from %#v.
func (p PEM) GoString() string { return p.String() }

// MarshalText hides the keys.
func (p PEM) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// keyLines are the lines of the keys that are long enough to be known by themselves.
func (p PEM) keyLines() []string {
	var all []string
	for _, k := range PrivateKeys([]byte(p)) {
		for _, line := range strings.Fields(string(p[k[0]:k[1]])) {
			if len(line) >= minKeyLine {
				all = append(all, line)
			}
		}
	}
	return all
}

// minKeyLine is the length from which on a line of a key is looked for in texts.
const minKeyLine = 16

// PrivateKeys are where in a text private keys in PEM stand, without the lines around
// them. One that doesn't end goes to the %end of its section, or to the end of all.
func PrivateKeys(text []byte) [][2]int {
	begin := regexp.MustCompile(`-----BEGIN [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----`)
	end := regexp.MustCompile(`(?m)-----END |^[ \t]*%end\b`)
	var all [][2]int
	for at := 0; ; {
		b := begin.FindIndex(text[at:])
		if b == nil {
			return all
		}
		from, to := at+b[1], len(text)
		if e := end.FindIndex(text[from:]); e != nil {
			to = from + e[0]
		}
		if strings.TrimSpace(string(text[from:to])) != "" {
			all = append(all, [2]int{from, to})
		}
		at = to
	}
}
