// Package tui is the installer's face on a terminal: it asks the questions,
// shows the plan and has it confirmed, shows the progress of every step and of
// the whole, asks for discs and tells the end.
//
// It works on a VGA console and on a serial line from 80×24 up, with the 16
// colours and the letters every console has. It decides nothing about disks or
// packages: it turns a config.Answers into another one, and shows events. The
// engine is unknown to it.
//
// A UI is one bubbletea program for the whole session. Its methods are called
// by whoever runs the installation, from any goroutine.
package tui

import (
	"context"
	"errors"
	"fmt"
	"io"

	tea "charm.land/bubbletea/v2"

	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/event"
	"github.com/molt-installer/molt/stage2/machine"
)

// ErrQuit says that the person left the questions, or the terminal went away.
var ErrQuit = errors.New("left by the person at the terminal")

// Session is what the screens need to know.
type Session struct {
	Product string // "Debian 13"
	Answers config.Answers
	Disks   []machine.Disk    // that can be installed to
	Refused map[string]string // path of every other disk → why not
	Catalog *media.Catalog
	Zones   []string // names of the tz database
	// Hostname is what the network calls the machine, if it does. Connected is
	// whether it is on one already, which then is the installed system's too.
	Hostname  string
	Connected bool
	// Hash turns a password into its crypt(5) form.
	Hash func(plain string) (string, error)
	// Review works out what the answers would do. It may take a while and is
	// called outside the drawing loop. Problems are a Review, not an error.
	Review func(ctx context.Context, a config.Answers) (Review, error)
}

// Review is a plan as it is shown for confirmation.
type Review struct {
	Problems []string // why it can't be done; then the rest is empty
	Lost     []string // what will be erased: "/dev/vda  20 GiB  Windows (NTFS)"
	Text     string   // what will be there then, and how
}

// Choice is one answer to a question.
type Choice struct {
	Key   string // what Choose returns
	Label string
}

// Question is put when something failed, or at the end.
type Question struct {
	Title   string
	Text    string
	Choices []Choice // the first is the default
}

// UI is the terminal's program.
type UI struct {
	program *tea.Program
	feed    *feed
	done    chan struct{}
	err     error
}

// Start takes over the terminal. Environ is the environment the capabilities
// are read from (TERM). The terminal must have a size: a serial line that
// reports 0×0 has to be given one before.
func Start(in io.Reader, out io.Writer, environ []string, product string) *UI {
	u := &UI{done: make(chan struct{})}
	u.program = tea.NewProgram(newModel(product),
		tea.WithInput(in), tea.WithOutput(out), tea.WithEnvironment(environ),
		tea.WithoutSignalHandler(), tea.WithFPS(20))
	go func() {
		defer close(u.done)
		_, u.err = u.program.Run()
	}()
	u.feed = newFeed(func(m eventsMsg) { u.program.Send(m) })
	return u
}

// Ask asks what s.Answers leaves open, shows the plan and returns when it has
// been confirmed.
func (u *UI) Ask(ctx context.Context, s Session) (config.Answers, error) {
	reply := make(chan config.Answers, 1)
	u.feed.flush()
	u.program.Send(askMsg{ctx: ctx, session: s, reply: reply})
	select {
	case a := <-reply:
		return a, nil
	case <-u.done:
		return config.Answers{}, u.gone()
	case <-ctx.Done():
		return config.Answers{}, ctx.Err()
	}
}

// Emit shows an event. It never waits for the terminal.
func (u *UI) Emit(e event.Event) { u.feed.emit(e) }

// Choose puts a question and returns the Key of the answer.
func (u *UI) Choose(ctx context.Context, q Question) (string, error) {
	reply := make(chan string, 1)
	u.feed.flush() // the question is about what was told before it
	u.program.Send(chooseMsg{question: q, reply: reply})
	select {
	case key := <-reply:
		return key, nil
	case <-u.done:
		return "", u.gone()
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// Close gives the terminal back as it was.
func (u *UI) Close() error {
	u.program.Quit()
	<-u.done
	u.feed.close()
	return u.err
}

func (u *UI) gone() error {
	if u.err != nil {
		return fmt.Errorf("%w: %w", ErrQuit, u.err)
	}
	return ErrQuit
}
