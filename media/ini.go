package media

import (
	"fmt"
	"strings"
)

// iniFile is section → key → entry.
type iniFile map[string]map[string]iniEntry

type iniEntry struct {
	value string
	line  int
}

// parseINI reads "[section]", "key = value", and comments that begin a line
// with "#" or ";". A section may be opened again, a key may not be given twice.
func parseINI(data []byte) (iniFile, error) {
	lines, err := textLines(data)
	if err != nil {
		return nil, err
	}
	f := iniFile{}
	section := ""
	for i, line := range lines {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#' || line[0] == ';':
		case line[0] == '[':
			name, ok := strings.CutSuffix(line[1:], "]")
			if section = strings.TrimSpace(name); !ok || section == "" {
				return nil, fmt.Errorf("line %d: %q is no section; it must be [name]", i+1, line)
			}
		default:
			if err := f.add(section, line, i+1); err != nil {
				return nil, fmt.Errorf("line %d: %w", i+1, err)
			}
		}
	}
	return f, nil
}

func (f iniFile) add(section, line string, number int) error {
	key, value, ok := strings.Cut(line, "=")
	key = strings.TrimSpace(key)
	if !ok || key == "" {
		return fmt.Errorf("%q is neither [section] nor key = value", line)
	}
	if section == "" {
		return fmt.Errorf("%s stands before the first [section]", key)
	}
	if before, ok := f[section][key]; ok {
		return fmt.Errorf("%s is given already in line %d", key, before.line)
	}
	if f[section] == nil {
		f[section] = map[string]iniEntry{}
	}
	f[section][key] = iniEntry{strings.TrimSpace(value), number}
	return nil
}
