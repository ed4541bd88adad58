// Package tui is the installer's face on a terminal: it asks the questions,
// shows the plan and has it confirmed, shows the progress of every step and of
// the whole, asks for discs and tells the end.
//
// It works on a VGA console and on a serial line from 80×24 up, with the 16
// colours and the letters every console has. It decides nothing about disks or
// packages: it turns a config.Answers into another one, and shows events. The
// engine is unknown to it.
//
// A UI is for the whole session, and several can look at it: the console, and who
// is attached, over SSH. All see the same, each in the size and with the colours
// of its own terminal. The keys of one of them count; Ctrl-T makes that another, and when it leaves
// the console drives again. Its methods are called by whoever runs the installation,
// from any goroutine.
package tui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/dialog"
	"github.com/molt-installer/molt/stage2/event"
)

// ErrQuit says that the person left the questions, or the terminal went away.
var ErrQuit = errors.New("left by the person at the terminal")

// UI is the screens, and everyone who looks at them.
type UI struct {
	hub     *hub
	feed    *feed
	gone    chan struct{} // closed when nobody is left who could answer
	stop    context.CancelFunc
	console sync.WaitGroup
	closing sync.Once
	err     error // of the console; set before gone is closed
}

// New makes screens that nobody looks at yet: see Attach. Mistake is told of mistakes in
// the program, which cost a key and not the installation.
func New(product string, mistake func(string)) *UI {
	u := &UI{hub: newHub(newModel(product), mistake), gone: make(chan struct{}), stop: func() {}}
	u.feed = newFeed(func(m eventsMsg) { u.hub.put(m) })
	return u
}

// Start takes over the terminal that the program was started on. Environ is the
// environment the capabilities are read from (TERM).
func Start(in io.Reader, out io.Writer, environ []string, product string) *UI {
	u := New(product, func(text string) { fmt.Fprintln(os.Stderr, text) })
	t := Terminal{In: in, Out: out, Environ: environ}
	if tty, ok := out.(*os.File); ok {
		t.Shell = ShellOn(tty, environ)
	}
	u.Console(t)
	return u
}

// Console takes over the terminal that the program was started on. If it hangs up,
// it is opened again as soon as that is possible, and nothing is lost meanwhile. Its Name
// is empty.
func (u *UI) Console(t Terminal) { u.keep(consoleOn(t)) }

func (u *UI) keep(c console) {
	ctx, stop := context.WithCancel(context.Background())
	u.stop = stop
	if f, ok := c.Out.(*os.File); ok && c.Free == nil {
		c.Free = func() { letGo(f) }
	}
	u.console.Go(func() {
		defer stop()
		size := Size{80, 24}
		for {
			v := newViewer(u.hub, c.Terminal)
			began := time.Now()
			err := v.run()
			switch {
			case errors.Is(err, ErrClosed), ctx.Err() != nil:
				return
			case c.path == "":
				u.lose(err)
				return
			}
			if v.size.Width > 0 {
				size = Size{v.size.Width, v.size.Height}
			}
			if pause(ctx, settle-time.Since(began)) != nil || c.again(ctx, size) != nil {
				return
			}
		}
	})
}

// lose is the end of the console. Those who watch can go on.
func (u *UI) lose(err error) {
	u.err = err
	if u.hub.forsake() {
		close(u.gone)
	}
}

// Attach shows the screens on one more terminal, until that hangs up, ctx ends or the UI is closed,
// which is no error. Who comes watches, and drives when nobody else does.
func (u *UI) Attach(ctx context.Context, t Terminal) error {
	v := newViewer(u.hub, t)
	defer context.AfterFunc(ctx, func() { v.leave() })()
	err := v.run()
	if u.hub.deserted() {
		close(u.gone)
	}
	return err
}

// Address shows on all screens how to log in from elsewhere, and the fingerprint of the
// key that is seen then.
func (u *UI) Address(where, key string) { u.hub.put(addressMsg{where, key}) }

// Ask asks what is open, shows the plan and returns when it has been confirmed.
// The state is the screens' until then.
func (u *UI) Ask(ctx context.Context, s *dialog.State) (config.Answers, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // what still goes on is nobody's any more
	reply, left := make(chan config.Answers, 1), make(chan struct{}, 1)
	u.feed.flush()
	u.hub.put(askMsg{ctx: ctx, state: s, reply: reply, left: left})
	defer u.hub.put(answeredMsg{})
	select {
	case a := <-reply:
		return a, nil
	case <-left:
		return config.Answers{}, ErrQuit
	case <-u.gone:
		return config.Answers{}, u.quit()
	case <-u.hub.closed:
		return config.Answers{}, ErrQuit
	case <-ctx.Done():
		return config.Answers{}, ctx.Err()
	}
}

// Emit shows an event. It never waits for a terminal.
func (u *UI) Emit(e event.Event) { u.feed.emit(e) }

// Flush shows now what was emitted, and waits until it is on its way to the screens: for
// who plays a recording.
func (u *UI) Flush() { u.feed.flush() }

// Choose puts a question and returns the Key of the answer.
func (u *UI) Choose(ctx context.Context, q Question) (string, error) {
	reply := make(chan string, 1)
	u.feed.flush() // the question is about what was told before it
	u.hub.put(chooseMsg{question: q, reply: reply})
	select {
	case key := <-reply:
		return key, nil
	case <-u.gone:
		return "", u.quit()
	case <-u.hub.closed:
		return "", ErrQuit
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// Close gives all terminals back as they were, and waits a few seconds at most for one
// that takes no output.
func (u *UI) Close() (err error) {
	u.closing.Do(func() { err = u.close() })
	return err
}

func (u *UI) close() error {
	u.stop()
	u.feed.close()
	var errs []error
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, v := range u.hub.end() {
		all.Go(func() {
			err := v.leave()
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return err // the console may never end
	}
	u.console.Wait()
	return u.err
}

func (u *UI) quit() error {
	if u.err != nil {
		return fmt.Errorf("%w: %w", ErrQuit, u.err)
	}
	return ErrQuit
}
