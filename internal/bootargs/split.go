package bootargs

import "strings"

// Param is one word of a command line.
type Param struct {
	Name     string
	Value    string
	HasValue bool // there was a "="
}

func (p Param) String() string {
	if !p.HasValue {
		return p.Name
	}
	return p.Name + "=" + p.Value
}

// Split takes a command line apart as the kernel does (next_arg in
// lib/cmdline.c): white space separates, unless within double quotes; quotes
// around a whole word or a whole value are dropped, others stay.
func Split(line string) []Param {
	var params []Param
	for {
		line = strings.TrimLeftFunc(line, isSpace)
		if line == "" {
			return params
		}
		n := wordEnd(line)
		if p := parseWord(line[:n]); p.Name != "" {
			params = append(params, p)
		}
		line = line[n:]
	}
}

// Told is the word as it may be shown and logged: without the password of inst.sshd.password=,
// also when the name has been mistyped.
func (p Param) Told() string {
	if strings.HasPrefix(p.Name, "inst.ssh") && strings.Contains(p.Name, ".p") && p.HasValue {
		p.Value = "..."
	}
	return p.String()
}

// isSpace is the kernel's isspace: ASCII, and the no-break space of Latin-1
// is left out because command lines are UTF-8 today.
func isSpace(r rune) bool { return r == ' ' || r >= '\t' && r <= '\r' }

func wordEnd(s string) int {
	quoted := false
	for i, r := range s {
		if r == '"' {
			quoted = !quoted
		}
		if !quoted && isSpace(r) {
			return i
		}
	}
	return len(s)
}

func parseWord(w string) Param {
	if rest, ok := strings.CutPrefix(w, `"`); ok {
		w = strings.TrimSuffix(rest, `"`)
	}
	name, value, has := strings.Cut(w, "=")
	if rest, ok := strings.CutPrefix(value, `"`); ok {
		value = strings.TrimSuffix(rest, `"`)
	}
	return Param{Name: name, Value: value, HasValue: has}
}
