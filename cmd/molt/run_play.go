package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"

	"github.com/molt-installer/molt/internal/vm"
	"github.com/molt-installer/molt/internal/vm/scenario"
)

// player is a person at the guest's terminal, or with --auto nobody.
type player struct {
	run      *scenario.Run
	out      io.Writer
	terminal terminal // out, shared by the guest's console and the status line
	stop     context.CancelFunc
	choice   chan int // taken only while a disc is asked for
	auto     bool     // change discs without asking
	blind    bool     // QEMU has the terminal
}

const runHelp = "Ctrl-A x ends it, Ctrl-A 1 … 9 puts in a disc, Ctrl-A o presses the drive's button, Ctrl-A Ctrl-A is Ctrl-A."

// start powers the machine on and connects the terminal. restore gives the
// terminal back.
func (p *player) start(ctx context.Context, s streams, cfg scenario.Config) (restore func(), err error) {
	p.terminal.out = s.out
	restore = func() {}
	if !p.blind {
		fmt.Fprintln(s.out, runHelp)
		if restore, err = raw(s.in); err != nil {
			return nil, err
		}
	}
	cfg.Offer = func(a scenario.Ask) string { return p.offer(ctx, cfg.Set, a) }
	if p.run, err = scenario.Start(ctx, cfg); err != nil {
		restore()
		return nil, err
	}
	if !p.blind {
		// It ends with the program: a read from a terminal can't be called off.
		go p.keys(ctx, s.in, cfg.Set)
	}
	return restore, nil
}

// raw makes a terminal pass on every key.
func raw(in io.Reader) (restore func(), err error) {
	f, ok := in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return func() {}, nil
	}
	old, err := term.MakeRaw(int(f.Fd()))
	if err != nil {
		return nil, fmt.Errorf("set the terminal to raw mode: %w", err)
	}
	return func() { term.Restore(int(f.Fd()), old) }, nil
}

// play follows the machine until it ends. The end of one installation is not
// the end: it may be tried again, or the machine reboot into what was installed.
func (p *player) play(ctx context.Context) error {
	for {
		err := p.run.Follow(ctx)
		if failed := (*scenario.FailedError)(nil); errors.As(err, &failed) || err == nil {
			continue
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, vm.ErrEnded) {
			return p.run.Guest.Wait(ctx)
		}
		return err
	}
}

// offer says which disc to put in, and asks before.
func (p *player) offer(ctx context.Context, set *scenario.Set, a scenario.Ask) string {
	if p.auto {
		return set.Disc(a.Wanted)
	}
	p.terminal.status(fmt.Sprintf("The tray of %s is open, disc %d is asked for: Ctrl-A %d puts it in, Ctrl-A 0 closes the tray",
		a.Drive, a.Wanted, a.Wanted))
	defer p.terminal.status("")
	select {
	case n := <-p.choice:
		return set.Disc(n)
	case <-ctx.Done():
		return ""
	}
}

// keys passes on what is typed.
func (p *player) keys(ctx context.Context, in io.Reader, set *scenario.Set) {
	keys := escapes{send: p.run.Guest.Console().Send, command: func(c byte) { p.command(ctx, set, c) }}
	r := bufio.NewReader(in)
	for ctx.Err() == nil {
		buf := make([]byte, 256)
		n, err := r.Read(buf)
		if err != nil {
			return // no terminal: the machine runs on
		}
		if err := keys.typed(buf[:n]); err != nil {
			return
		}
	}
}

// command is what was typed after Ctrl-A.
func (p *player) command(ctx context.Context, set *scenario.Set, c byte) {
	var err error
	switch {
	case c == 'x':
		p.stop()
	case c == 'o':
		err = p.run.Guest.OpenTray(ctx, vm.DriveID(0), false)
	case c >= '0' && c <= '9':
		err = p.put(ctx, set, int(c-'0'))
	default:
		p.terminal.status(runHelp)
	}
	if err != nil {
		p.terminal.status(err.Error())
	}
}

// put answers the question for a disc; without one it puts the disc in all the same.
func (p *player) put(ctx context.Context, set *scenario.Set, n int) error {
	select {
	case p.choice <- n:
		return nil
	default:
	}
	if n == 0 {
		return p.run.Guest.CloseTray(ctx, vm.DriveID(0))
	}
	iso := set.Disc(n)
	if iso == "" {
		return fmt.Errorf("the set has no disc %d", n)
	}
	return p.run.Guest.Insert(ctx, vm.DriveID(0), iso)
}
