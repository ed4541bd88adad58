package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
)

const (
	helpWidth = 80
	column    = 28 // where the explanations of options begin
)

// own are the commands about the table itself.
func (p Program) own() []Command {
	return []Command{
		{Name: "help", Summary: "explain a command, or list them all",
			Args: []Arg{{Name: "COMMAND", Optional: true, Offers: Offers{Words: p.commandNames()}}}, Run: p.help},
		{Name: "man", Summary: "write the manual page, for `man -l -`", Run: p.manual},
		{Name: "completion", Summary: "write what makes a shell complete this program's command lines",
			About: completionAbout(p.Name), Args: []Arg{{Name: "SHELL", Offers: Offers{Words: shells()}}}, Run: p.completion},
		{Name: "version", Summary: "print the version", Run: func(_ context.Context, _ []string, s Streams) error {
			_, err := fmt.Fprintln(s.Out, p.Name, p.Version)
			return err
		}},
	}
}

func (p Program) commandNames() []string {
	var names []string
	for _, c := range p.Commands {
		names = append(names, c.Name)
	}
	return names
}

func (p Program) help(_ context.Context, args []string, s Streams) error {
	if len(args) == 0 {
		return p.overview(s.Out)
	}
	c, ok := p.find(args[0])
	if !ok {
		return &UsageError{Text: fmt.Sprintf("there is no command %q%s", args[0], meant(args[0], p.names())), Help: p.Name + " help"}
	}
	return p.helpOn(s.Out, c)
}

// overview is the help on the whole program.
func (p Program) overview(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Usage: %s COMMAND [OPTION]... [ARGUMENT]...\n\n", p.Name)
	b.WriteString(fill(p.About, "") + "\nCommands:\n")
	for _, c := range p.all() {
		entry(&b, c.Name, c.Summary, 14)
	}
	fmt.Fprintf(&b, "\n%s\n", fill(fmt.Sprintf("`%s help COMMAND` or `%s COMMAND --help` explains one; `%s man | man -l -` explains all.",
		p.Name, p.Name, p.Name), ""))
	p.notes(&b)
	b.WriteString("Exit status:\n")
	for _, s := range p.Statuses {
		entry(&b, fmt.Sprint(s.Code), s.Meaning, 5)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// notes are those sections that help shows.
func (p Program) notes(b *strings.Builder) {
	for _, n := range p.Notes {
		if n.Brief {
			fmt.Fprintf(b, "%s:\n%s\n", strings.ToUpper(n.Title[:1])+n.Title[1:], fill(n.Text, "  "))
		}
	}
}

func (p Program) helpOn(w io.Writer, c Command) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Usage: %s %s\n\n%s", p.Name, c.synopsis(), fill(sentence(c.Summary), ""))
	if c.About != "" {
		b.WriteString("\n" + fill(c.About, ""))
	}
	b.WriteString("\nOptions:\n")
	for _, o := range append(append([]Option{}, c.Options...), helpOption()) {
		left := o.spelling()
		if o.Short == "" {
			left = "    " + left
		}
		entry(&b, left, o.About, column)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// helpOption is one that pflag knows by itself.
func helpOption() Option { return Option{Long: "help", Short: "h", About: "print this"} }

// sentence makes one of a summary.
func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] + "." }

// entry is a word and what it means, in two columns.
func entry(b *strings.Builder, left, right string, at int) {
	pad := strings.Repeat(" ", at)
	text := fill(right, pad)
	head := fmt.Sprintf("  %-*s", at-2, left)
	if len(left)+3 > at || strings.TrimSpace(text) == "" {
		b.WriteString(strings.TrimRight(head, " ") + "\n" + text)
		return
	}
	b.WriteString(head + strings.TrimPrefix(text, pad))
}

// fill breaks a text into lines of helpWidth, each with the indent before it.
func fill(text, indent string) string {
	var b strings.Builder
	for i, par := range strings.Split(text, "\n\n") {
		if i > 0 {
			b.WriteString("\n")
		}
		if kept(par) {
			for line := range strings.Lines(par + "\n") {
				b.WriteString(indent + line)
			}
			continue
		}
		line := indent
		for _, word := range strings.Fields(par) {
			if len(line) > len(indent) && len(line)+len(word) >= helpWidth {
				b.WriteString(strings.TrimRight(line, " ") + "\n")
				line = indent
			}
			line += word + " "
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}

// kept says that a paragraph's lines are to stay as they are.
func kept(paragraph string) bool { return strings.HasPrefix(paragraph, "  ") }
