package stage1

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/internal/bootargs"
	"github.com/molt-installer/molt/internal/handoff"
)

// TestShellAfterAFailure: a shell is no end, and no leave to install again.
func TestShellAfterAFailure(t *testing.T) {
	s, f, p := testSession(t)
	p.answers, s.opts.OnFail = []string{"b"}, bootargs.OnFailShell
	if got := s.decide(t.Context(), handoff.Shell, errors.New("disk full")); got != handoff.Reboot {
		t.Errorf("got %q, want what was chosen after the shell", got)
	}
	if len(f.calls) != 1 || !strings.HasPrefix(f.calls[0], "start "+shellProgram) {
		t.Errorf("calls: %v", f.calls)
	}
}

// TestTrayThatStaysShut: the installation is no failure for it.
func TestTrayThatStaysShut(t *testing.T) {
	s, f, p := testSession(t)
	f.busy["/dev/sr0"] = 1
	err := s.tearDown(t.Context(), handoff.Result{Eject: []string{"/dev/sr0", "/dev/sr1"}})
	if err != nil || !strings.Contains(p.String(), "by hand") {
		t.Errorf("got %v, said %q", err, p)
	}
	if last := f.calls[len(f.calls)-1]; last != "eject /dev/sr1" {
		t.Errorf("the last call is %s", last)
	}
}

func TestMenuEndsByCtrlAltDel(t *testing.T) {
	for name, con := range map[string]terminal{"with a person": &person{}, "without a console": noConsole{}} {
		t.Run(name, func(t *testing.T) {
			s, f, _ := testSession(t)
			ended := make(chan os.Signal, 1)
			ended <- unix.SIGINT
			s.ended, s.con = ended, con
			if got := s.menu(t.Context(), nil); got != handoff.Reboot {
				t.Errorf("got %q", got)
			}
			if len(ended) > 0 || len(f.calls) > 0 {
				t.Errorf("the signal is kept for later: %d; calls %v", len(ended), f.calls)
			}
		})
	}
}

// stubborn is a process that ends only by the signal it doesn't withstand.
type stubborn struct {
	withstands, calls []string
	ended             chan string
}

func (p *stubborn) Wait() string { return <-p.ended }
func (p *stubborn) Terminate()   { p.signal("SIGTERM") }
func (p *stubborn) Kill()        { p.signal("SIGKILL") }

func (p *stubborn) signal(name string) {
	p.calls = append(p.calls, name)
	if !slices.Contains(p.withstands, name) {
		p.ended <- "ended by " + name
	}
}

// TestCtrlAltDelIsBounded: stage 2 is asked to end, gets its time for that, is
// killed only then, and can't keep the machine from rebooting even so.
func TestCtrlAltDelIsBounded(t *testing.T) {
	for _, c := range []struct {
		withstands []string
		how        string
		took       time.Duration
	}{
		{nil, "ended by SIGTERM", 0},
		{[]string{"SIGTERM"}, "ended by SIGKILL", endTime},
		{[]string{"SIGTERM", "SIGKILL"}, "it hangs in the kernel", endTime + killTime},
	} {
		synctest.Test(t, func(t *testing.T) {
			s, _, p := testSession(t)
			ended := make(chan os.Signal, 1)
			ended <- unix.SIGINT
			s.ended = ended
			stage2 := &stubborn{withstands: c.withstands, ended: make(chan string, 1)}
			start := time.Now()
			how, asked := s.await(t.Context(), stage2)
			if took := time.Since(start); how != c.how || !asked || took != c.took {
				t.Errorf("%q, asked %v, after %v; want %q after %v", how, asked, took, c.how, c.took)
			}
			if told := strings.Contains(p.String(), "killed"); told != (len(c.withstands) > 0) {
				t.Errorf("said %q", p)
			}
			if len(stage2.calls) != min(2, 1+len(c.withstands)) || stage2.calls[0] != "SIGTERM" {
				t.Errorf("signals: %v", stage2.calls)
			}
			stage2.ended <- "in the end"
		})
	}
}

type noConsole struct{ terminal }

func (noConsole) Write(p []byte) (int, error) { return len(p), nil }

func (noConsole) Ask(ctx context.Context, _ string) (string, string, error) {
	return "", "", errNoAnswer
}

// TestFailedEventWithoutReader: a virtio port is not writable while nobody on
// the host has it open, as a full pipe.
func TestFailedEventWithoutReader(t *testing.T) {
	port := filepath.Join(t.TempDir(), "vport0p1")
	if err := unix.Mkfifo(port, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(port, os.O_RDWR|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	told := make(chan error, 1)
	go func() { told <- writeEvent(port, errors.New("disk full"), time.Unix(0, 0)) }()
	select {
	case err := <-told:
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	case <-time.After(10 * portPatience):
		t.Error("stage 1 waits for a reader for ever")
	}
}
