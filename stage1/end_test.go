package stage1

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
