package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/creack/pty"

	"github.com/molt-installer/molt/stage2/event"
	"github.com/molt-installer/molt/stage2/tui"
)

const (
	recorded    = "cmd/molt/testdata/debian-install.jsonl.gz" // the events of a Debian installation over two discs
	updateTime  = 250 * time.Millisecond                      // that the screens put between two updates
	drawnIn     = 30 * time.Millisecond                       // three frames
	updateAim   = 200.0                                       // bytes, on average
	baud9600    = 960.0                                       // bytes a second
	keyRounds   = 400                                         // p99 is the fifth-longest
	keyAim      = 20.0                                        // ms
	idleAim     = 40.0                                        // MiB
	idleMachine = "uefi-nvme.json"
)

// screens measures the interface: what an update of the progress costs a serial line, how
// long a key takes, and the memory of a process that waits for one.
func (b *bench) screens(ctx context.Context) error {
	return errors.Join(b.updates(ctx), b.keys(ctx))
}

// updates plays a recorded installation on an 80×24 vt220 and counts what is sent.
func (b *bench) updates(ctx context.Context) error {
	events, err := readRecorded(recorded)
	if err != nil {
		return err
	}
	line, err := openPTY()
	if err != nil {
		return err
	}
	defer line.close()
	ui := tui.Start(line.tty, line.tty, []string{"TERM=vt220"}, "Debian 13")
	defer ui.Close()
	time.Sleep(5 * drawnIn) // the first screen
	line.taken()
	var total, updates, busiest float64
	seconds := map[int64]float64{}
	for len(events) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := nextUpdate(events)
		for _, e := range events[:n] {
			ui.Emit(e)
		}
		ui.Flush()
		time.Sleep(drawnIn)
		sent := float64(line.taken())
		second := events[0].Time.Unix()
		seconds[second] += sent
		total, updates, busiest = total+sent, updates+1, max(busiest, seconds[second])
		events = events[n:]
	}
	b.add(ratio(fmt.Sprintf("update of the progress, average of %.0f", updates), total/updates, "bytes", updateAim, "aim"))
	b.add(ratio("progress of a whole installation, a second", total/float64(len(seconds)), "bytes", baud9600, "a line of 9600 baud"))
	b.add(ratio("its busiest second", busiest, "bytes", baud9600, "a line of 9600 baud"))
	return nil
}

// nextUpdate is how many events get on the screen together.
func nextUpdate(events []event.Event) int {
	for i, e := range events {
		if e.Time.Sub(events[0].Time) >= updateTime {
			return i
		}
		if e.Type != event.Progress && e.Type != event.Log {
			return i + 1
		}
	}
	return len(events)
}

func readRecorded(name string) ([]event.Event, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("run it in the source tree: %w", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	var events []event.Event
	for in := bufio.NewScanner(z); in.Scan(); {
		var e event.Event
		if err := json.Unmarshal(in.Bytes(), &e); err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		events = append(events, e)
	}
	return events, nil
}

// keys measures "molt dryrun", a process of its own: all the screens, and nothing that
// it could do between two keys. Its first question is scrolled through.
func (b *bench) keys(ctx context.Context) error {
	line, err := openPTY()
	if err != nil {
		return err
	}
	defer line.close()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self, "dryrun", "-machine", filepath.Join("examples", "machines", idleMachine))
	cmd.Env = append(os.Environ(), "TERM=linux")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = line.tty, line.tty, line.tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start molt dryrun: %w", err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	if err := line.quiet(ctx, 2*time.Second); err != nil {
		return fmt.Errorf("molt dryrun draws no screen: %w", err)
	}
	rss, err := residentMiB(cmd.Process.Pid)
	if err != nil {
		return err
	}
	b.add(ratio("memory of the screens, resident while they wait", rss, "MiB", idleAim, "aim"))
	var s samples
	for i := range keyRounds {
		// F1 opens the help, and any key closes it. Esc could be the beginning of another key for 50 ms.
		took, err := line.press(ctx, []string{"\x1bOP", "x"}[i%2])
		if err != nil {
			return err
		}
		s = append(s, took)
	}
	b.add(ratio("key to redrawn screen, p99", milliseconds(s.percentile(99)), "ms", keyAim, "aim"))
	b.add(figure{Name: "key to redrawn screen, median", Value: milliseconds(s.median()), Unit: "ms"})
	return nil
}

// residentMiB is VmRSS of proc_pid_status(5).
func residentMiB(pid int) (float64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(data)) {
		var kib float64
		if n, _ := fmt.Sscanf(line, "VmRSS: %f kB", &kib); n == 1 {
			return kib / 1024, nil
		}
	}
	return 0, fmt.Errorf("/proc/%d/status has no VmRSS", pid)
}

// openPTY is a terminal of 80×24.
func openPTY() (*benchLine, error) {
	far, tty, err := pty.Open()
	if err == nil {
		err = pty.Setsize(tty, &pty.Winsize{Rows: 24, Cols: 80})
	}
	if err != nil {
		return nil, fmt.Errorf("open a terminal: %w", err)
	}
	l := &benchLine{far: far, tty: tty, drawn: make(chan int, 1024)}
	go l.read()
	return l, nil
}
