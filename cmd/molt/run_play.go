package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"golang.org/x/term"

	"github.com/molt-installer/molt/internal/vm"
	"github.com/molt-installer/molt/internal/vm/scenario"
)

// player is a person at the guest's terminal, or with --auto nobody.
type player struct {
	run      atomic.Pointer[scenario.Run]
	terminal terminal // shared by the guest's console and the status line
	stop     context.CancelFunc
	choice   chan int // taken only while a disc is asked for
	auto     bool     // change discs without asking
	blind    bool     // QEMU has the terminal
}

const runHelp = "Ctrl-A x ends it, Ctrl-A 1 … 9 puts in a disc, Ctrl-A o presses the drive's button, Ctrl-A Ctrl-A is Ctrl-A."

// session connects the terminal and plays.
func (p *player) session(ctx context.Context, s streams, cfg scenario.Config) error {
	cfg.Offer = func(a scenario.Ask) string { return p.offer(ctx, cfg.Set, a) }
	if !p.blind {
		fmt.Fprintln(s.out, runHelp)
		restore, err := raw(s.in)
		if err != nil {
			return err
		}
		defer restore()
		// It ends with the program: a read from a terminal can't be called off.
		go p.keys(ctx, s.in, cfg.Set)
	}
	for {
		run, err := p.machine(ctx, cfg)
		if err != nil || cfg.Append == "" || !run.Guest.Rebooted() {
			return err
		}
		// A machine whose kernel was given to QEMU would start that again;
		// a real one now finds its drives empty.
		cfg.Append, cfg.Kickstart, cfg.DiskSize, cfg.Set = "", "", 0, &scenario.Set{}
	}
}

// machine is one machine from power on to its end.
func (p *player) machine(ctx context.Context, cfg scenario.Config) (*scenario.Run, error) {
	run, err := scenario.Start(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("run: %w", err)
	}
	p.run.Store(run)
	defer run.Close()
	return run, play(ctx, run)
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
func play(ctx context.Context, run *scenario.Run) error {
	for {
		err := run.Follow(ctx)
		failed := (*scenario.FailedError)(nil)
		switch {
		case err == nil || errors.As(err, &failed):
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, vm.ErrEnded):
			return run.Guest.Wait(ctx)
		default:
			return err
		}
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
	keys := escapes{send: p.send, command: func(c byte) { p.command(ctx, set, c) }}
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

// send types into the machine that runs; between two machines into nothing.
func (p *player) send(s string) error {
	if run := p.run.Load(); run != nil && run.Guest.Running() {
		return run.Guest.Console().Send(s)
	}
	return nil
}

// command is what was typed after Ctrl-A.
func (p *player) command(ctx context.Context, set *scenario.Set, c byte) {
	var err error
	run := p.run.Load()
	switch {
	case c == 'x':
		p.stop()
	case run == nil:
	case c == 'o':
		err = run.Guest.OpenTray(ctx, vm.DriveID(0), false)
	case c >= '0' && c <= '9':
		err = p.put(ctx, run.Guest, set, int(c-'0'))
	default:
		p.terminal.status(runHelp)
	}
	if err != nil {
		p.terminal.status(err.Error())
	}
}

// put answers the question for a disc; without one it puts the disc in all the same.
func (p *player) put(ctx context.Context, g *vm.Guest, set *scenario.Set, n int) error {
	select {
	case p.choice <- n:
		return nil
	default:
	}
	if n == 0 {
		return g.CloseTray(ctx, vm.DriveID(0))
	}
	iso := set.Disc(n)
	if iso == "" {
		return fmt.Errorf("the set has no disc %d", n)
	}
	return g.Insert(ctx, vm.DriveID(0), iso)
}
