package tui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
	"golang.org/x/sys/unix"
)

// Terminal is what someone looks at.
type Terminal struct {
	Name string // who or where that is, for the others: "192.0.2.7"; empty is the console
	// In and Out are most often the same tty. One that has no size gets 80×24.
	In      io.Reader
	Out     io.Writer
	Environ []string // TERM is read from it
	// Sizes are what it is resized to, where no SIGWINCH tells of that; nil: nothing.
	Sizes <-chan Size
	// Shell runs a shell on the terminal, which is given back for that long, to its end
	// or the context's; nil: none there.
	Shell func(context.Context) error
	// Free is called at the end when the terminal takes no more output, and makes the
	// Write that hangs return; nil: nothing can.
	Free func()
}

// Size of a terminal, in characters.
type Size struct{ Width, Height int }

// ErrClosed says that there is nothing to look at any more.
var ErrClosed = errors.New("the screens are closed")

// lastDrawing is how long a terminal may take for its last screen and for becoming
// what it was, once without and once with Free.
const lastDrawing = 2 * time.Second

// fastest is how often a second a screen is drawn at most: a key is seen
// within 10 ms.
const fastest = 100

// viewer is one terminal on which the screens are shown. It is a bubbletea
// program of its own: a slow line holds up nobody else.
type viewer struct {
	hub      *hub
	terminal Terminal
	program  *tea.Program
	box      *pigeonhole
	drawn    tea.View          // the last screen
	fresh    bool              // drawn is up to date: most keys are only passed on
	size     tea.WindowSizeMsg // guarded by hub.mu
	shells   context.Context   // ends with the viewer
	noShells context.CancelFunc
	kill     context.CancelFunc
	done     chan struct{}
}

// What a viewer is told, besides bells.
type (
	refreshMsg struct{} // something has changed
	shellMsg   struct{} // a shell is wanted here
)

// openShell is the command with which a part asks for a shell.
func openShell() tea.Msg { return shellMsg{} }

func newViewer(h *hub, t Terminal) *viewer {
	v := &viewer{hub: h, terminal: t, box: newPigeonhole(), done: make(chan struct{})}
	var ctx context.Context
	ctx, v.kill = context.WithCancel(context.Background())
	v.shells, v.noShells = context.WithCancel(ctx)
	term := terminalType(t.Environ)
	v.program = tea.NewProgram(v, tea.WithContext(ctx), tea.WithInput(ending(t.In)), tea.WithOutput(t.Out),
		tea.WithEnvironment(environ(term)), tea.WithColorProfile(profile(term, t.Environ)),
		tea.WithoutSignalHandler(), tea.WithFPS(fastest))
	return v
}

// run shows the screens until the viewer leaves or is sent away.
func (v *viewer) run() error {
	defer close(v.done)
	defer v.kill()
	if err := giveSize(v.terminal.Out, Size{80, 24}); err != nil {
		return err
	}
	if !v.hub.add(v) {
		return ErrClosed
	}
	defer v.hub.remove(v)
	var feeding sync.WaitGroup
	feeding.Go(v.feed)
	_, err := v.program.Run()
	v.noShells()
	feeding.Wait()
	return err
}

// feed passes on to the program what comes from the hub and from the terminal's
// other end.
func (v *viewer) feed() {
	sizes := v.terminal.Sizes
	for {
		select {
		case <-v.shells.Done():
			return
		case s, ok := <-sizes:
			if !ok {
				sizes = nil
				continue
			}
			v.program.Send(tea.WindowSizeMsg{Width: s.Width, Height: s.Height})
		case <-v.box.filled:
			for _, msg := range v.box.take() {
				v.program.Send(msg)
			}
			if pause(v.shells, time.Second/fastest) != nil { // no screen is made that isn't shown
				return
			}
		}
	}
}

// leave ends run from outside, and gives the terminal back as it was. It doesn't
// wait for ever.
func (v *viewer) leave() error {
	v.noShells()
	go v.program.Quit()
	if v.ended() {
		return nil
	}
	v.kill()
	if v.terminal.Free != nil {
		v.terminal.Free()
	}
	if v.ended() {
		return nil
	}
	return fmt.Errorf("give %s back: it takes no output", v.terminal.label())
}

func (v *viewer) ended() bool {
	timeout := time.NewTimer(lastDrawing)
	defer timeout.Stop()
	select {
	case <-v.done:
		return true
	case <-timeout.C:
		return false
	}
}

func (t Terminal) label() string {
	if t.Name == "" {
		return "the console"
	}
	return "the terminal of " + t.Name
}

// Init implements tea.Model.
func (v *viewer) Init() tea.Cmd { return nil }

// Update implements tea.Model. It never waits.
func (v *viewer) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case refreshMsg:
		v.fresh = false
	case tea.WindowSizeMsg:
		v.fresh = false
		v.hub.resize(v, msg)
	case tea.KeyPressMsg:
		return v, v.key(msg)
	case tea.PasteMsg:
		v.hub.put(inputMsg{v, pasted(msg)})
	case shellMsg:
		return v, tea.Exec(shellRun{v}, func(err error) tea.Msg { return v.back(err) })
	}
	return v, nil
}

// key passes a key on, but for those that are about this terminal alone.
func (v *viewer) key(msg tea.KeyPressMsg) tea.Cmd {
	switch msg.String() {
	case "ctrl+t":
		v.hub.put(driveMsg{v})
	case "ctrl+l":
		return tea.ClearScreen
	case "ctrl+z", "f3":
		if v.terminal.Shell != nil {
			return openShell
		}
		v.hub.put(noticeMsg{"There is no shell on this terminal."})
	default:
		v.hub.put(inputMsg{v, msg})
	}
	return nil
}

// View implements tea.Model.
func (v *viewer) View() tea.View {
	if !v.fresh {
		text := v.hub.draw(v)
		if letterless(terminalType(v.terminal.Environ)) {
			text = asciiOnly(text)
		}
		v.drawn = tea.NewView(text)
		v.drawn.AltScreen = true
		v.fresh = true
	}
	return v.drawn
}

// back is after a shell.
func (v *viewer) back(err error) tea.Msg {
	if err != nil && v.shells.Err() == nil {
		v.hub.put(noticeMsg{"The shell: " + err.Error()})
	}
	return refreshMsg{}
}

// shellRun is a viewer's shell in bubbletea's shape.
type shellRun struct{ v *viewer }

func (s shellRun) Run() error        { return s.v.terminal.Shell(s.v.shells) }
func (shellRun) SetStdin(io.Reader)  {}
func (shellRun) SetStdout(io.Writer) {}
func (shellRun) SetStderr(io.Writer) {}

// longestPaste is in bytes. Nothing that is asked for is longer, and what is pasted by
// mistake mustn't bring the screen to a halt.
const longestPaste = 64 << 10

func pasted(msg tea.PasteMsg) tea.Msg {
	if len(msg.Content) > longestPaste {
		return noticeMsg{fmt.Sprintf("What was pasted is too long: %d bytes, and at most %d are taken.", len(msg.Content), longestPaste)}
	}
	return msg
}

// errHungUp is what reading from a terminal ends with that is gone.
var errHungUp = errors.New("the terminal hung up")

// ending makes the end of the input an error: bubbletea passes over io.EOF, and
// would go on without keys.
func ending(in io.Reader) io.Reader {
	if f, ok := in.(*os.File); ok {
		return ttyInput{f, &linuxKeys{}}
	}
	return endingReader{in}
}

type endingReader struct{ io.Reader }

func (r endingReader) Read(p []byte) (int, error) { return hungUp(r.Reader.Read(p)) }

type ttyInput struct {
	*os.File
	keys *linuxKeys
}

func (t ttyInput) Read(p []byte) (int, error) { return hungUp(t.keys.read(p, t.File.Read)) }

func hungUp(n int, err error) (int, error) {
	if errors.Is(err, io.EOF) {
		err = errHungUp
	}
	return n, err
}

// giveSize gives a tty that has none a size: nothing is drawn on 0×0.
func giveSize(out io.Writer, size Size) error {
	f, ok := out.(*os.File)
	if !ok {
		return nil
	}
	now, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil || now.Row > 0 && now.Col > 0 {
		return nil // no tty, or one with a size
	}
	err = unix.IoctlSetWinsize(int(f.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: uint16(size.Height), Col: uint16(size.Width)})
	if err != nil {
		return fmt.Errorf("give the terminal %s a size of %d×%d: %w", f.Name(), size.Width, size.Height, err)
	}
	return nil
}
