package stage1

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// terminal is the person in front of the machine, wherever that is.
type terminal interface {
	io.Writer
	// Ask shows prompt on all consoles and returns the line typed on
	// whichever answers first, and its device.
	Ask(ctx context.Context, prompt string) (line, device string, err error)
	// Restore puts a console back in order that a program left in disorder.
	Restore()
}

// consoles are all consoles of the kernel. What is written goes to each.
type consoles struct {
	mu  sync.Mutex
	all []*console // the last is the main one
}

type console struct {
	device string // "/dev/tty1", "/dev/ttyS0"
	file   *os.File
	saved  *unix.Termios
}

// openConsoles opens the consoles that the file active lists, as
// /sys/class/tty/console/active does; the last of them is /dev/console.
func openConsoles(active string) *consoles {
	data, _ := os.ReadFile(active)
	c := &consoles{}
	for _, dev := range consoleDevices(string(data)) {
		if f, err := openConsole(dev); err == nil {
			c.all = append(c.all, &console{dev, f, modes(f)})
		}
	}
	return c
}

func openConsole(dev string) (*os.File, error) {
	// Not blocking, so that a read can be called off, and a serial line
	// without a carrier doesn't stop the open.
	f, err := os.OpenFile(dev, os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err == nil {
		fixSize(f)
	}
	return f, err
}

// consoleDevices are the terminals behind a list of consoles. tty0 is whichever
// virtual terminal is in front; that is tty1, and only a real one can be a
// controlling terminal.
func consoleDevices(active string) []string {
	var devs []string
	for _, name := range strings.Fields(active) {
		if name == "tty0" {
			name = "tty1"
		}
		devs = append(devs, path.Join("/dev", name))
	}
	if len(devs) == 0 {
		devs = []string{"/dev/console"}
	}
	return devs
}

// fixSize gives a serial line, which knows no size, the one that every program
// can draw in. A size of 0×0 makes some draw nothing.
func fixSize(f *os.File) {
	control(f, func(fd int) {
		size, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
		if err == nil && size.Row == 0 && size.Col == 0 {
			_ = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80})
		}
	})
}

func modes(f *os.File) (t *unix.Termios) {
	control(f, func(fd int) { t, _ = unix.IoctlGetTermios(fd, unix.TCGETS) })
	return t
}

// control calls do with f's descriptor. Unlike f.Fd it leaves reads of f interruptible.
func control(f *os.File, do func(fd int)) {
	if c, err := f.SyscallConn(); err == nil {
		_ = c.Control(func(fd uintptr) { do(int(fd)) })
	}
}

// termType is what a terminal understands (terminfo(5)).
func termType(device string) string {
	name := path.Base(device)
	if rest, ok := strings.CutPrefix(name, "tty"); ok && rest != "" && rest[0] >= '0' && rest[0] <= '9' {
		return "linux"
	}
	return "vt220"
}

// main is the console a person works at: the one console= named last.
func (c *consoles) main() string {
	if len(c.all) == 0 {
		return "/dev/console"
	}
	return c.all[len(c.all)-1].device
}

func (c *consoles) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range c.all {
		// A line nobody reads must not stop the installer.
		_ = d.file.SetWriteDeadline(time.Now().Add(2 * time.Second))
		_, _ = d.file.Write(p)
	}
	return len(p), nil
}

// Restore opens the consoles again, resets modes and leaves the alternate
// screen (xterm's control sequences, as linux and vt220 understand them or pass
// over them). A program that had a console as its controlling terminal has, by
// its end, hung up all that was open on it, stage 1's own included
// (disassociate_ctty in drivers/tty/tty_jobctrl.c).
func (c *consoles) Restore() {
	c.mu.Lock()
	for _, d := range c.all {
		if f, err := openConsole(d.device); err == nil {
			d.file.Close()
			d.file = f
		}
		if d.saved != nil {
			control(d.file, func(fd int) { _ = unix.IoctlSetTermios(fd, unix.TCSETS, d.saved) })
		}
	}
	c.mu.Unlock()
	_, _ = io.WriteString(c, "\x1b[?1049l\x1b[?25h\x1b[0m\r\n")
}

// Ask implements terminal.
func (c *consoles) Ask(ctx context.Context, prompt string) (string, string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	_, _ = io.WriteString(c, prompt)
	answers := make(chan [2]string, len(c.all))
	var wg sync.WaitGroup
	for _, d := range c.all {
		wg.Go(func() {
			if line, err := readLine(ctx, d.file); err == nil {
				answers <- [2]string{line, d.device}
				cancel()
			}
		})
	}
	wg.Wait()
	select {
	case a := <-answers:
		return a[0], a[1], nil
	default:
		return "", "", errors.Join(errNoAnswer, ctx.Err())
	}
}

var errNoAnswer = errors.New("no console gives an answer")

// readLine reads a line until ctx ends; what was typed without an end of line is lost then.
func readLine(ctx context.Context, f *os.File) (string, error) {
	if err := f.SetReadDeadline(time.Time{}); err != nil {
		return "", err
	}
	stop := context.AfterFunc(ctx, func() { _ = f.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	line, err := bufio.NewReader(f).ReadString('\n')
	return strings.TrimSpace(line), err
}
