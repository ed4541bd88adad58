package vm

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// ErrEnded ends a wait for something a guest that has ended can't do any more.
var ErrEnded = errors.New("the guest has ended")

// Guest is a machine that was started.
type Guest struct {
	cfg     Config
	cmd     *exec.Cmd
	qmp     *qmp
	board   *board
	console *Console
	events  *EventLog
	cleanup []func()

	ended chan struct{} // closed after the process ended and all it said is read

	// The rest is guarded by board.
	over     bool
	err      error // how the process ended
	panicked error // ErrPanic, with the kernel's reason
	drives   []driveState
	reason   string // of QEMU's event SHUTDOWN
	resets   int    // that WaitReset has not told of yet
}

// Start starts a guest. It dies with this process; the caller calls Close in the end.
// ctx is for the start alone.
func Start(ctx context.Context, cfg Config) (*Guest, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("start %s: %w", cfg.Name, err)
	}
	if err := os.MkdirAll(cfg.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("start %s: %w", cfg.Name, err)
	}
	g := &Guest{cfg: cfg, board: newBoard(), ended: make(chan struct{}), drives: make([]driveState, len(cfg.Drives))}
	if err := g.start(); err != nil {
		g.release()
		return nil, fmt.Errorf("start %s: %w", cfg.Name, err)
	}
	if err := g.qmp.execute(ctx, "qmp_capabilities", nil, nil); err != nil {
		g.Close()
		return nil, fmt.Errorf("start %s: %w", cfg.Name, errors.Join(err, g.err))
	}
	return g, nil
}

// start starts the process and the readers of what it says.
func (g *Guest) start() error {
	var ends [3]net.Conn
	var files []*os.File
	for i := range ends {
		ours, theirs, err := socketPair()
		if err != nil {
			return err
		}
		defer theirs.Close()
		g.cleanup = append(g.cleanup, func() { ours.Close() })
		ends[i], files = ours, append(files, theirs)
	}
	if err := g.listen(ends[1], ends[2]); err != nil {
		return err
	}
	if err := g.prepare(files); err != nil {
		return err
	}
	g.qmp = newQMP(ends[0], g.onEvent)
	go g.console.read()
	go g.events.read()
	return g.run()
}

// listen makes the console and the log of events, each with its file.
func (g *Guest) listen(console, events net.Conn) error {
	consoleLog, err := g.create("console.log")
	if err != nil {
		return err
	}
	eventsLog, err := g.create("events.jsonl")
	if err != nil {
		return err
	}
	g.console = newConsole(g, console, consoleLog)
	g.events = newEventLog(g, events, eventsLog)
	return nil
}

// create makes a file in the guest's directory that is closed in the end.
func (g *Guest) create(name string) (*os.File, error) {
	f, err := os.Create(filepath.Join(g.cfg.Dir, name))
	if err == nil {
		g.cleanup = append(g.cleanup, func() { f.Close() })
	}
	return f, err
}

// prepare makes the command; files become its file descriptors 3, 4 and 5.
func (g *Guest) prepare(files []*os.File) error {
	fw, err := g.cfg.firmwareArgs()
	if err != nil {
		return err
	}
	args, err := g.cfg.args(channels{qmp: 3, console: 4, events: 5}, fw)
	if err != nil {
		return err
	}
	log, err := g.create("qemu.log")
	if err != nil {
		return err
	}
	fmt.Fprintf(log, "qemu-system-x86_64 %s\n", strings.Join(args, " "))
	g.cmd = exec.Command("qemu-system-x86_64", args...)
	g.cmd.Stdout, g.cmd.Stderr, g.cmd.ExtraFiles = log, log, files
	if g.cfg.Display != "none" {
		g.cmd.Stdin, g.cmd.Stdout = os.Stdin, os.Stdout // curses draws there
	}
	return nil
}

// finish waits for the process and for the end of what it said.
func (g *Guest) finish() {
	err := g.cmd.Wait()
	<-g.console.ended
	<-g.events.ended
	<-g.qmp.ended
	if err != nil {
		err = fmt.Errorf("QEMU: %w%s", err, tail(g.File("qemu.log"), 5))
	}
	g.board.change(func() { g.over, g.err = true, err })
	close(g.ended)
}

// Running reports whether the guest has not ended.
func (g *Guest) Running() bool {
	select {
	case <-g.ended:
		return false
	default:
		return true
	}
}

// Rebooted reports whether what ended the guest was a reset, with NoReboot.
func (g *Guest) Rebooted() (yes bool) {
	g.board.look(func() { yes = g.reason == "guest-reset" })
	return yes
}

// PID is the process id of QEMU.
func (g *Guest) PID() int { return g.cmd.Process.Pid }

// File is the path of a file in the guest's directory: "console.log".
func (g *Guest) File(name string) string { return filepath.Join(g.cfg.Dir, name) }

// Console is the serial line.
func (g *Guest) Console() *Console { return g.console }

// Events is what came through the port handoff.EventsPort.
func (g *Guest) Events() *EventLog { return g.events }

// Execute runs a QMP command; reply may be nil. QEMU's refusal is a *QMPError.
func (g *Guest) Execute(ctx context.Context, command string, args, reply any) error {
	return g.qmp.execute(ctx, command, args, reply)
}

// Wait waits for the guest to end by itself. A QEMU that failed is an error, and
// so is a kernel that panicked, whatever came of it.
func (g *Guest) Wait(ctx context.Context) error {
	panicked := func() error { return g.panicked }
	err := g.board.await(ctx, func() bool { return g.over && g.panicked == nil }, panicked)
	if err != nil {
		return g.explain("wait for the end", err)
	}
	return g.gone(ctx)
}

// gone waits for the end of the process.
func (g *Guest) gone(ctx context.Context) error {
	select {
	case <-g.ended:
		return g.err
	case <-ctx.Done():
		return g.explain("wait for the end", context.Cause(ctx))
	}
}

// Quit ends the guest at once, as pulling the plug would.
func (g *Guest) Quit(ctx context.Context) error {
	err := g.Execute(ctx, "quit", nil, nil)
	if err != nil && !errors.Is(err, errNoQMP) {
		return err
	}
	return g.gone(ctx)
}

// Close ends the guest, if it hasn't ended, and frees what it used. It can be called again.
func (g *Guest) Close() error {
	if g.Running() {
		if err := g.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return fmt.Errorf("kill %s (pid %d): %w", g.cfg.Name, g.PID(), err)
		}
	}
	<-g.ended
	g.release()
	return nil
}

func (g *Guest) release() {
	for _, f := range g.cleanup {
		f()
	}
	g.cleanup = nil
}
