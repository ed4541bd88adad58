package modules

import "strings"

// normal writes a name or alias as the kernel does: modprobe takes '-' for '_',
// but not within brackets, where it means a range (kmod, alias_normalize).
func normal(s string) string {
	if !strings.Contains(s, "-") {
		return s
	}
	b := []byte(s)
	inside := false
	for i, c := range b {
		switch {
		case c == '[':
			inside = true
		case c == ']':
			inside = false
		case c == '-' && !inside:
			b[i] = '_'
		}
	}
	return string(b)
}

// match is fnmatch(3) without flags, as far as aliases use it: '*', '?' and
// bracket expressions with ranges and '!'; '/' and '.' are ordinary. A pattern
// with an open bracket matches nothing.
func match(pattern, s string) bool {
	p, i := 0, 0
	star, retry := -1, 0 // where the last '*' stood, and what it could take next
	for i < len(s) {
		n, ok := one(pattern[p:], s[i])
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, retry = p, i
			p++
		case ok:
			p += n
			i++
		case star >= 0:
			retry++
			p, i = star+1, retry
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// one matches the first element of pattern against c and returns its length.
func one(pattern string, c byte) (int, bool) {
	switch {
	case pattern == "":
		return 0, false
	case pattern[0] == '?':
		return 1, true
	case pattern[0] == '[':
		return set(pattern, c)
	}
	return 1, pattern[0] == c
}

// set matches a bracket expression: "[0-9a-f]", "[!x]".
func set(pattern string, c byte) (int, bool) {
	i, not, found := 1, false, false
	if i < len(pattern) && (pattern[i] == '!' || pattern[i] == '^') {
		not = true
		i++
	}
	for first := true; i < len(pattern); first = false {
		lo := pattern[i]
		if lo == ']' && !first {
			return i + 1, found != not
		}
		hi := lo
		if i+2 < len(pattern) && pattern[i+1] == '-' && pattern[i+2] != ']' {
			hi = pattern[i+2]
			i += 2
		}
		found = found || lo <= c && c <= hi
		i++
	}
	return 0, false
}
