package firewall

import (
	_ "embed"
	"strconv"
	"strings"

	"github.com/molt-installer/molt/internal/spelling"
)

// services has a name and what it stands for in a line.
//
//go:embed services.txt
var services string

// item is what a service is reached by: ports of a protocol, or all of it.
type item struct {
	protocol string
	ports    span
}

// lookUp finds what a service's name stands for.
func lookUp(name string) ([]item, bool) {
	for line := range strings.Lines(services) {
		words := strings.Fields(line)
		if len(words) < 2 || words[0] != name {
			continue
		}
		var items []item
		for _, w := range words[1:] {
			ports, protocol, has := strings.Cut(w, "/")
			if !has {
				items = append(items, item{protocol: w})
				continue
			}
			s, _ := number(ports)
			items = append(items, item{protocol, s})
		}
		return items, true
	}
	return nil, false
}

// number reads "443" or "5000-5010".
func number(text string) (span, bool) {
	first, last, isRange := strings.Cut(text, "-")
	if !isRange {
		last = first
	}
	a, errA := strconv.ParseUint(first, 10, 16)
	b, errB := strconv.ParseUint(last, 10, 16)
	return span{int(a), int(b)}, errA == nil && errB == nil && a > 0 && a <= b
}

// meant names the nearest service, if one is near.
func meant(name string) string {
	best, near := "", 1+len(name)/4
	for line := range strings.Lines(services) {
		words := strings.Fields(line)
		if len(words) < 2 || words[0] == "#" {
			continue
		}
		if d := spelling.Distance(name, words[0]); d < near || d == near && best == "" {
			best, near = words[0], d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}
