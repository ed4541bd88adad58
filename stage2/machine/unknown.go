package machine

import (
	"slices"
	"strings"
)

// UnknownOf are those of m.Unknown that are about a device: "/dev/sda2: input/output error", "volume
// groups on /dev/sda2, /dev/sdb1: …". What groups there are is known of a device that is in one.
func (m Machine) UnknownOf(device string) []string {
	_, stacked := m.StackOn(device)
	var all []string
	for _, line := range m.Unknown {
		what, _, _ := strings.Cut(line, ": ")
		names := strings.FieldsFunc(what, func(r rune) bool { return r == ' ' || r == ',' })
		if slices.Contains(names, device) && !(stacked && strings.HasPrefix(what, "volume groups on ")) {
			all = append(all, line)
		}
	}
	return all
}
