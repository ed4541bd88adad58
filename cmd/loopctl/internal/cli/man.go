package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
)

// manual writes the manual page in the language of man(7).
func (p Program) manual(_ context.Context, _ []string, s Streams) error {
	var r roff
	r.line(`.TH %s 8 %s "%s %s"`, strings.ToUpper(p.Name), p.Date, p.Name, p.Version)
	r.section("name")
	r.line(`%s \- %s`, p.Name, escape(p.Summary))
	r.section("synopsis")
	p.synopsis(&r)
	r.section("description")
	r.text(p.About)
	r.section("commands")
	for _, c := range p.all() {
		p.manualOn(&r, c)
	}
	for _, n := range p.Notes {
		r.section(n.Title)
		r.text(n.Text)
	}
	r.section("exit status")
	for _, s := range p.Statuses {
		r.tagged(fmt.Sprintf(`\fB%d\fR`, s.Code), s.Meaning)
	}
	p.examples(&r)
	r.section("see also")
	r.line("%s", strings.Join(r.references(p.SeeAlso), ",\n"))
	_, err := io.WriteString(s.Out, r.String())
	return err
}

func (p Program) synopsis(r *roff) {
	for i, c := range p.all() {
		if i > 0 {
			r.line(".br")
		}
		r.line(`\fB%s %s\fR%s`, p.Name, escape(c.Name), escape(strings.TrimPrefix(c.synopsis(), c.Name)))
	}
}

func (p Program) manualOn(r *roff, c Command) {
	r.line(`.SS "%s %s"`, p.Name, escape(c.synopsis()))
	r.text(sentence(c.Summary))
	if c.About != "" {
		r.line(".PP")
		r.text(c.About)
	}
	for _, o := range c.Options {
		r.tagged(o.roff(), sentence(o.About))
	}
}

// roff is the option's spelling with its name bold and its value's slanted.
func (o Option) roff() string {
	s := `\fB` + escape("--"+o.Long) + `\fR`
	if o.Short != "" {
		s = `\fB` + escape("-"+o.Short) + `\fR, ` + s
	}
	if o.Arg != "" {
		s += strings.Replace(escape(o.value()), escape(o.Arg), `\fI`+escape(o.Arg)+`\fR`, 1)
	}
	return s
}

func (p Program) examples(r *roff) {
	if p.Examples == nil {
		return
	}
	r.section("examples")
	for _, e := range p.Examples {
		r.tagged(`\fB`+escape(e.Line)+`\fR`, e.About)
	}
}

// roff is a page being written.
type roff struct{ strings.Builder }

func (r *roff) line(format string, args ...any) { fmt.Fprintf(r, format+"\n", args...) }

func (r *roff) section(title string) { r.line(".SH %s", quoted(strings.ToUpper(title))) }

func quoted(s string) string {
	if strings.Contains(s, " ") {
		return `"` + s + `"`
	}
	return s
}

// tagged is a paragraph with a tag, which is roff already.
func (r *roff) tagged(tag, text string) {
	r.line(".TP\n%s", tag)
	r.text(text)
}

func (r *roff) text(text string) {
	for i, par := range strings.Split(text, "\n\n") {
		if i > 0 {
			r.line(".PP")
		}
		if kept(par) {
			r.line(".in +2n\n.nf\n%s\n.fi\n.in", lines(par))
		} else {
			r.line("%s", lines(fill(par, "")))
		}
	}
}

// references are "losetup(8)" as the page has them.
func (r *roff) references(pages []string) []string {
	var refs []string
	for _, page := range pages {
		name, section, _ := strings.Cut(page, "(")
		refs = append(refs, `\fB`+escape(name)+`\fR(`+section)
	}
	return refs
}

// lines are escaped one by one: what begins like a request mustn't be one.
func lines(text string) string {
	var out []string
	for line := range strings.Lines(text) {
		line = escape(strings.TrimSpace(line))
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			line = `\&` + line
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

// escape makes text of what roff would take for its own. A hyphen becomes one that
// can be copied into a shell.
func escape(s string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`, `"`, `\(dq`, "`", `\(ga`, "~", `\(ti`, "^", `\(ha`, "'", `\(aq`).Replace(s)
}
