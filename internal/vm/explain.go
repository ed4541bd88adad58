package vm

import (
	"fmt"
	"os"
	"strings"
)

// How much of the past an error of waiting tells.
const (
	lastLines  = 30
	lastEvents = 8
)

// explain says what was waited for, why that failed, and what the guest did last.
func (g *Guest) explain(what string, err error) error {
	return fmt.Errorf("%s: %s: %w%s", g.cfg.Name, what, err, g.lastWords())
}

// lastWords are the last lines of the console and the last events.
func (g *Guest) lastWords() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n--- console (all of it: %s)\n%s", g.File("console.log"), lastOf(g.console.Text(), lastLines))
	events := g.events.All()
	if len(events) > 0 {
		fmt.Fprintf(&b, "\n--- last of %d events", len(events))
	}
	for _, e := range events[max(0, len(events)-lastEvents):] {
		b.WriteString("\n" + string(e.Raw))
	}
	return b.String()
}

// lastOf is the last n lines of s.
func lastOf(s string, n int) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// tail is the last n lines of a file, for an error.
func tail(path string, n int) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return "\n" + lastOf(string(data), n)
}
