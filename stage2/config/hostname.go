package config

import "regexp"

// IsHostname reports whether name can be a machine's name, with or without a
// domain: the letters of RFC 1123, section 2.1, and not more of them than
// Linux keeps (sethostname(2)).
func IsHostname(name string) bool {
	label := `[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?`
	return len(name) <= 64 && regexp.MustCompile(`^`+label+`(\.`+label+`)*$`).MatchString(name)
}
