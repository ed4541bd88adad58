package kickstart

import (
	"bytes"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

// hidden is what stands in place of a password.
const hidden = "REDACTED"

// minSecret is the length from which on a password is looked for in the rest of
// the file too. Shorter ones would hit words at random.
const minSecret = 4

// Redact returns a kickstart file with every password in it replaced, hashed
// ones too: it is for logs. What it doesn't understand, in a file with errors, it
// replaces rather than keeps. A password that a script holds in a form of its own
// can't be known, unless it is also one of a command.
func Redact(file []byte) []byte {
	r := &redactor{src: file}
	r.commands()
	r.lines()
	r.keys()
	return r.everywhere(r.apply())
}

// minKeyLine is the same for the lines of a key, which can be as short as AA==.
const minKeyLine = 16

// span is a piece of the source to replace.
type span struct {
	start, end int
	text       string
}

type redactor struct {
	src     []byte
	spans   []span
	secrets []string // as they are meant, without quotes
}

// commands goes over the file as Parse does, without following includes.
func (r *redactor) commands() {
	inSection := false
	for at := 0; at < len(r.src); {
		if inSection {
			next := lineEnd(r.src, at)
			first := firstWord(string(r.src[at:next]))
			inSection = first != "%end"
			if !isSection(first) {
				at = next
				continue
			}
		}
		words, next, err := lex(r.src, at)
		switch {
		case err != nil:
			r.unreadable(at, next)
		case len(words) > 0:
			inSection = isSection(words[0].text)
			r.strict(words)
		}
		at = next
	}
}

// lines goes over every line by itself: those of scripts that write a kickstart
// file, those commented out, and those that a stray backslash has joined to others.
func (r *redactor) lines() {
	for at := 0; at < len(r.src); {
		next := lineEnd(r.src, at)
		start := at
		for start < next && strings.IndexByte("# \t", r.src[start]) >= 0 {
			start++
		}
		r.line(start, next)
		if joined := joinedEnd(r.src, next); joined > next {
			r.line(start, joined)
		}
		at = next
	}
}

// keys hides private keys in PEM, in sections and in scripts. A line stays a line.
func (r *redactor) keys() {
	for _, k := range config.PrivateKeys(r.src) {
		for at := k[0]; at < k[1]; {
			next := min(lineEnd(r.src, at), k[1])
			if text := bytes.Trim(r.src[at:next], "# \t\r\n"); len(text) > 0 {
				start := at + bytes.Index(r.src[at:next], text)
				r.spans = append(r.spans, span{start, start + len(text), hidden})
				if len(text) >= minKeyLine {
					r.secrets = append(r.secrets, string(text))
				}
			}
			at = next
		}
	}
}

func (r *redactor) line(start, next int) {
	if words, _, err := lex(r.src[:next], start); err == nil {
		r.lenient(words)
	} else {
		r.fields(start, next)
	}
}

// joinedEnd is where the line that ends at next and those that backslashes join to it end.
func joinedEnd(src []byte, next int) int {
	for next < len(src) && bytes.HasSuffix(bytes.TrimRight(src[:next], "\r\n"), []byte("\\")) {
		next = lineEnd(src, next)
	}
	return next
}

// unreadable hides a whole line but its first word.
func (r *redactor) unreadable(at, next int) {
	line := bytes.TrimRight(r.src[at:next], "\r\n")
	indent := len(line) - len(bytes.TrimLeft(line, " \t"))
	if i := bytes.IndexAny(line[indent:], " \t=\"'\\"); i >= 0 {
		r.spans = append(r.spans, span{at + indent + i, at + len(line), " " + hidden})
	}
}

// fields goes over a line that can't be cut into words by the rules.
func (r *redactor) fields(at, next int) {
	var words []word
	for i := at; i < next; {
		start := i
		for i < next && strings.IndexByte(" \t\r\n", r.src[i]) < 0 {
			i++
		}
		if i > start {
			words = append(words, word{string(r.src[start:i]), start, i})
		}
		i++
	}
	if mentionsSecret(words) {
		r.unreadable(at, next)
	}
	r.urls(words)
}

// strict hides what is secret in a command, and what isn't understood.
func (r *redactor) strict(words []word) {
	cmd := theLanguage()[words[0].text]
	switch {
	case strings.HasPrefix(words[0].text, "%"):
		cmd = sectionCommand(words[0].text)
	case cmd == nil || cmd.removed != "":
		cmd = &command{secret: true, max: -1}
	}
	r.command(cmd, words[1:], true)
	r.urls(words)
}

// lenient hides what is secret where a command stands anywhere in a line.
func (r *redactor) lenient(words []word) {
	for i, w := range words {
		if cmd := theLanguage()[w.text]; cmd != nil && cmd.removed == "" && cmd.hasSecrets() {
			r.command(cmd, words[i+1:], false)
		}
		inner, _, err := lex([]byte(w.text), 0)
		if strings.Contains(w.text, " ") && (err != nil || mentionsSecret(inner)) && mentionsSecret(textFields(w.text)) {
			r.hide(w, valueAt(w.text))
		}
	}
	r.urls(words)
}

func textFields(text string) []word {
	var words []word
	for _, f := range strings.Fields(text) {
		words = append(words, word{text: f})
	}
	return words
}

// mentionsSecret reports whether a command with a password seems to be among the words.
func mentionsSecret(words []word) bool {
	for _, w := range words {
		text := strings.Trim(w.text, "\"'`")
		if text == "rootpw" || text == "sshpw" {
			return true
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(text, "--"), "=")
		for _, cmd := range theLanguage() {
			if _, secret, _ := cmd.kindOf(name); secret && strings.HasPrefix(text, "--") {
				return true
			}
		}
	}
	return false
}

// command goes over the words after a command's name.
func (r *redactor) command(cmd *command, rest []word, strict bool) {
	args := 0
	for len(rest) > 0 {
		w := rest[0]
		if looksLikeOption(w.text) {
			rest = r.option(cmd, rest, strict)
			continue
		}
		args++
		if cmd.secret || strict && cmd.max >= 0 && args > cmd.max {
			r.hide(w, 0)
		}
		rest = rest[1:]
	}
}

// option handles an option and the value after it.
func (r *redactor) option(cmd *command, rest []word, strict bool) []word {
	w, rest := rest[0], rest[1:]
	name, val, has := strings.Cut(strings.TrimPrefix(w.text, "--"), "=")
	known, secret, takes := cmd.kindOf(name)
	secret = secret || !known && (strict || cmd.secret)
	follows := !has && len(rest) > 0 && !looksLikeOption(rest[0].text)
	switch {
	case secret && has:
		r.hide(w, len(w.text)-len(val))
	case secret && !known && cmd.secret:
		r.hide(w, 0)
	}
	if !follows || !takes && !secret {
		return rest
	}
	if secret {
		r.hide(rest[0], 0)
		if rest[0].text == "=" && len(rest) > 1 {
			r.hide(rest[1], 0)
		}
	}
	return rest[1:]
}

// kindOf says what is known of an option or an abbreviation of it. One that
// could be secret is.
func (c *command) kindOf(name string) (known, secret, takes bool) {
	for _, o := range c.options {
		for _, n := range o.names {
			if n == name {
				return true, o.secret, o.kind != flagValue
			}
			if name != "" && strings.HasPrefix(n, name) {
				known, secret, takes = true, secret || o.secret, takes || o.kind != flagValue
			}
		}
	}
	return known, secret, takes
}

// hide hides a word but its first keep bytes.
func (r *redactor) hide(w word, keep int) {
	r.secrets = append(r.secrets, w.text[keep:])
	if !plain(w.text[:keep]) {
		keep = 0
	}
	r.spans = append(r.spans, span{w.start, w.end, w.text[:keep] + hidden})
}

// urls hides words with a user:password in a URL.
func (r *redactor) urls(words []word) {
	for _, w := range words {
		for _, info := range userinfos(w.text) {
			if _, password, ok := strings.Cut(info, ":"); ok {
				r.secrets = append(r.secrets, password)
				r.hide(w, valueAt(w.text))
			}
		}
	}
}

// valueAt is where the value of --name=value starts; 0 for other words.
func valueAt(text string) int {
	if i := strings.IndexByte(text, '='); i >= 0 && strings.HasPrefix(text, "--") {
		return i + 1
	}
	return 0
}

// userinfos are what stands before the @ of the URLs in s, RFC 3986 section 3.2.1.
func userinfos(s string) []string {
	var infos []string
	for _, after := range strings.Split(s, "://")[1:] {
		if i := strings.IndexAny(after, "/?#"); i >= 0 {
			after = after[:i]
		}
		if at := strings.LastIndexByte(after, '@'); at >= 0 {
			infos = append(infos, after[:at])
		}
	}
	return infos
}

// hideURL hides the user and password of URLs in a message.
func hideURL(s string) string {
	for _, info := range userinfos(s) {
		s = strings.Replace(s, info+"@", hidden+"@", 1)
	}
	return s
}

// apply replaces the spans, which may overlap; of two the one that starts first
// counts, and of two that start together the longer one.
func (r *redactor) apply() []byte {
	slices.SortStableFunc(r.spans, func(a, b span) int {
		if a.start != b.start {
			return a.start - b.start
		}
		return b.end - a.end
	})
	var out []byte
	at := 0
	for _, s := range r.spans {
		if s.start >= at {
			out = append(append(out, r.src[at:s.start]...), s.text...)
			at = s.start
		}
		for range bytes.Count(r.src[at:max(at, s.end)], []byte("\n")) { // a line stays a line
			out = append(out, "\\\n"...)
		}
		at = max(at, s.end)
	}
	return append(out, r.src[min(at, len(r.src)):]...)
}

// everywhere replaces what has turned out to be a password wherever it stands.
func (r *redactor) everywhere(out []byte) []byte {
	slices.SortFunc(r.secrets, func(a, b string) int { return len(b) - len(a) })
	for _, s := range r.secrets {
		if len(s) >= minSecret && !strings.Contains(hidden, s) {
			out = bytes.ReplaceAll(out, []byte(s), []byte(hidden))
		}
	}
	return out
}
