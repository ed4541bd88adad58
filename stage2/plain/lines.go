package plain

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/muesli/cancelreader"
	"golang.org/x/sys/unix"
)

// MostLine is how long an answer may be, bytes: an SSH key with all its options fits.
const MostLine = 16 << 10

// lines reads a line when one is asked for. One reader serves the whole session, so that nothing
// that a pipe delivers early is lost.
type lines struct {
	ask     chan struct{}
	got     chan inputLine
	done    chan struct{}
	cancel  func() bool // ends a read that waits; false: it can't
	waiting bool        // a line was asked for, and hasn't been taken
	open    bool        // the line taken last had no end: what sent it may be cut off
	ended   error
}

type inputLine struct {
	text string
	cut  bool // it was longer
	open bool // the input ended before it did
	err  error
}

func newLines(in io.Reader) *lines {
	l := &lines{ask: make(chan struct{}), got: make(chan inputLine, 1), done: make(chan struct{}), cancel: func() bool { return false }}
	if c, err := cancelreader.NewReader(in); err == nil { // a plain file can't be waited for, and needn't
		in, l.cancel = c, c.Cancel
	}
	go func() {
		defer close(l.done)
		if c, ok := in.(io.Closer); ok && l.closes(in) {
			defer c.Close()
		}
		l.work(bufio.NewReader(in))
	}()
	return l
}

// closes reports whether in is of our own making.
func (l *lines) closes(in io.Reader) bool {
	_, ours := in.(cancelreader.CancelReader)
	return ours
}

func (l *lines) work(in *bufio.Reader) {
	for range l.ask {
		l.got <- readLine(in)
	}
}

// next is the next line, without what ends it.
func (l *lines) next(ctx context.Context) (text string, cut bool, err error) {
	if l.ended != nil {
		return "", false, l.ended
	}
	if !l.waiting {
		l.ask <- struct{}{}
		l.waiting = true
	}
	select {
	case got := <-l.got:
		l.waiting = false
		if got.err != nil {
			l.ended = ErrEnded
			return "", false, ErrEnded
		}
		l.open = got.open
		return got.text, got.cut, nil
	case <-ctx.Done():
		return "", false, context.Cause(ctx)
	}
}

func (l *lines) close() {
	stopped := l.cancel()
	close(l.ask)
	if stopped || !l.waiting {
		<-l.done
	}
}

// readLine reads to the end of a line and keeps no more of it than MostLine. A last line
// without an end counts.
func readLine(in *bufio.Reader) inputLine {
	var b strings.Builder
	var l inputLine
	for {
		part, err := in.ReadSlice('\n')
		room := MostLine - b.Len()
		l.cut = l.cut || len(bytes.TrimRight(part, "\r\n")) > room
		b.Write(part[:min(len(part), room)])
		switch {
		case err == nil || err != nil && !errors.Is(err, bufio.ErrBufferFull) && b.Len() > 0:
			l.text, l.open = clean(b.String()), err != nil && !errors.Is(err, bufio.ErrBufferFull)
			return l
		case !errors.Is(err, bufio.ErrBufferFull):
			l.err = err
			return l
		}
	}
}

// clean drops control characters, and replaces what is no UTF-8.
func clean(s string) string {
	return strings.ToValidUTF8(strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return -1
		}
		return r
	}, s), "?")
}

// quiet keeps a terminal from showing what is typed, until the returned function is called.
// term.ReadPassword would read past our own reader.
func quiet(f *os.File) func() {
	fd := int(f.Fd())
	old, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return func() {}
	}
	silent := *old
	silent.Lflag &^= unix.ECHO
	silent.Lflag |= unix.ICANON | unix.ISIG
	if unix.IoctlSetTermios(fd, unix.TCSETS, &silent) != nil {
		return func() {}
	}
	return func() { _ = unix.IoctlSetTermios(fd, unix.TCSETS, old) } // a terminal that is gone shows nothing either
}
