package vm

import (
	"context"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
)

// longestMatch is how far back Expect looks for the start of a match when more
// has come, in bytes. Without a limit a long boot is searched again for every byte.
const longestMatch = 4096

// Console is the serial line of a guest. All it says is in console.log,
// unchanged; Text and Expect see it without terminal control.
type Console struct {
	guest *Guest
	conn  net.Conn
	out   io.Writer
	ended chan struct{}

	// Guarded by guest.board.
	plain plainer
	text  []byte
	seen  int // Expect has matched up to here
	tried int // and found nothing up to here
}

func newConsole(g *Guest, conn net.Conn, log io.Writer) *Console {
	out := log
	if g.cfg.Console != nil {
		out = io.MultiWriter(log, g.cfg.Console)
	}
	return &Console{guest: g, conn: conn, out: out, ended: make(chan struct{})}
}

func (c *Console) read() {
	defer close(c.ended)
	buf := make([]byte, 32<<10)
	for {
		n, err := c.conn.Read(buf)
		if n > 0 {
			c.out.Write(buf[:n])
			c.guest.board.change(func() {
				had := len(c.text)
				c.text = c.plain.append(c.text, buf[:n])
				c.guest.listenForPanic(c.text, had)
			})
		}
		if err != nil {
			return
		}
	}
}

// Text is everything the serial line has said, without terminal control.
func (c *Console) Text() (text string) {
	c.guest.board.look(func() { text = string(c.text) })
	return text
}

// Match is what Expect found.
type Match struct {
	Pattern int      // which of the patterns
	Groups  []string // the whole match, then its groups
	Before  string   // what was skipped
}

// Expect waits until one of the patterns (package regexp's syntax) matches
// what came after the last match; of several the one that starts first. The
// next Expect goes on behind it. A match can't be longer than 4 KiB. Expect
// fails when ctx or the guest ends, or its kernel panics.
func (c *Console) Expect(ctx context.Context, patterns ...string) (Match, error) {
	what := fmt.Sprintf("expect %q on the console", patterns)
	res := make([]*regexp.Regexp, len(patterns))
	for i, p := range patterns {
		re, err := regexp.Compile(p)
		if err != nil {
			return Match{}, fmt.Errorf("%s: %w", what, err)
		}
		res[i] = re
	}
	c.guest.board.look(func() { c.tried = c.seen })
	var m Match
	err := c.guest.board.await(ctx, func() (ok bool) { m, ok = c.match(res); return ok }, c.guest.lost)
	if err != nil {
		return Match{}, c.guest.explain(what, err)
	}
	return m, nil
}

// match moves seen behind the match.
func (c *Console) match(res []*regexp.Regexp) (Match, bool) {
	from := max(c.seen, c.tried-longestMatch)
	rest := c.text[from:]
	best, loc := -1, []int(nil)
	for i, re := range res {
		if l := re.FindSubmatchIndex(rest); l != nil && (best < 0 || l[0] < loc[0]) {
			best, loc = i, l
		}
	}
	if best < 0 {
		c.tried = len(c.text)
		return Match{}, false
	}
	m := Match{Pattern: best, Before: string(c.text[c.seen : from+loc[0]])}
	for i := 0; i < len(loc); i += 2 {
		m.Groups = append(m.Groups, group(rest, loc[i], loc[i+1]))
	}
	c.seen = from + loc[1]
	return m, true
}

func group(b []byte, from, to int) string {
	if from < 0 {
		return ""
	}
	return string(b[from:to])
}

// Send types s.
func (c *Console) Send(s string) error {
	if _, err := io.WriteString(c.conn, s); err != nil {
		return c.guest.explain(fmt.Sprintf("type %q", s), err)
	}
	return nil
}

// SendLine types s and the Return key.
func (c *Console) SendLine(s string) error { return c.Send(s + "\r") }

// Login logs in at a getty and makes the shell fit for Shell.
func (c *Console) Login(ctx context.Context, user, password string) error {
	if _, err := c.Expect(ctx, `login: *\z`); err != nil {
		return err
	}
	if err := c.SendLine(user); err != nil {
		return err
	}
	if _, err := c.Expect(ctx, `[Pp]assword: *\z`); err != nil {
		return err
	}
	if err := c.SendLine(password); err != nil {
		return err
	}
	m, err := c.Expect(ctx, `Login incorrect`, `[#$] *\z`)
	if err != nil {
		return err
	}
	if m.Pattern == 0 {
		return c.guest.explain("log in as "+user, fmt.Errorf("the password is refused"))
	}
	return nil
}

// Shell runs a command line in a shell that waits at its prompt, and returns
// what it printed and its exit status.
func (c *Console) Shell(ctx context.Context, command string) (output string, status int, err error) {
	// The quotes keep the echo of the command from looking like its output.
	if err := c.SendLine("echo '<''<<'; " + command + "; echo '>''>>'$?"); err != nil {
		return "", 0, err
	}
	if _, err := c.Expect(ctx, `<<<\n`); err != nil {
		return "", 0, err
	}
	m, err := c.Expect(ctx, `>>>(\d+)\n`)
	if err != nil {
		return "", 0, err
	}
	status, err = strconv.Atoi(m.Groups[1])
	return strings.TrimRight(m.Before, "\n"), status, err
}
