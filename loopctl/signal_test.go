package loopctl

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// interrupted is a switch by the command, that gets a signal.
type interrupted struct {
	t        *testing.T
	old, new *gate // where the device serves from, and is to
	dev      *Device
	before   Info
	content  []byte
	cmd      *exec.Cmd
	stderr   *transcript
	read     chan error // how the read of the device ended that a stage needs
	ended    chan struct{}
}

// transcript is what a process has said so far.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(p)
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

func startInterrupted(t *testing.T) *interrupted {
	content := pattern(4<<20, 1)
	s := &interrupted{t: t, content: content, old: gated(t, "old", content), new: gated(t, "new", content),
		stderr: &transcript{}, read: make(chan error, 1), ended: make(chan struct{})}
	f, err := os.Open(s.old.path)
	if err != nil {
		t.Fatal(err)
	}
	s.dev = attach(t, f, Config{ReadOnly: true})
	f.Close()
	t.Cleanup(func() { s.old.release(); s.new.release() }) // or the detaching hangs
	s.before = infoOf(t, s.dev)
	return s
}

// start runs the command in the background. ended is closed when it is gone.
func (s *interrupted) start(command string, args ...string) {
	s.t.Helper()
	s.cmd = commandLine(context.Background(), s.t, append([]string{command, s.dev.Path()}, args...)...)
	s.cmd.Stderr = s.stderr
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() { defer close(s.ended); s.cmd.Wait() }()
	s.t.Cleanup(func() {
		s.cmd.Process.Kill()
		s.old.release()
		s.new.release()
		<-s.ended
	})
}

// signal goes to the whole group, as Ctrl-C does.
func (s *interrupted) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := syscall.Kill(-s.cmd.Process.Pid, sig); err != nil {
		s.t.Fatal(err)
	}
}

// gone waits for the end of the command.
func (s *interrupted) gone() {
	s.t.Helper()
	select {
	case <-s.ended:
	case <-within(s.t).Done():
		s.cmd.Process.Signal(syscall.SIGQUIT) // it tells where it hangs
		s.new.release()
		<-s.ended
		s.t.Fatalf("it doesn't end: %s", s.stderr)
	}
}

// complained waits for the command's last words, when it can't end yet.
func (s *interrupted) complained() {
	s.t.Helper()
	until(s.t, "an error of the command", func() bool { return strings.Contains(s.stderr.String(), "loopctl: ") })
}

// stuck waits for a helper process that hangs in the ioctl, switching to that file.
func (s *interrupted) stuck(name string) {
	s.t.Helper()
	until(s.t, "the ioctl to hang", func() bool {
		pid, ok := helperFor(name)
		wchan, _ := os.ReadFile(fmt.Sprintf("/proc/%d/wchan", pid))
		return ok && strings.Contains(string(wchan), "freeze")
	})
}

func helperFor(name string) (pid int, ok bool) {
	all, _ := pids()
	for _, pid := range all {
		exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
		file, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/1", pid))
		if strings.Contains(exe, "memfd:loopctl-helper") && file == name {
			return pid, true
		}
	}
	return 0, false
}

// readInFlight begins a read of the device that hangs in the old file.
func (s *interrupted) readInFlight() {
	s.t.Helper()
	dev, err := s.dev.directReader()
	if err != nil {
		s.t.Fatal(err)
	}
	s.old.hold(opRead)
	go func() { defer dev.Close(); s.read <- readFull(dev, aligned(4096), 2<<20) }()
	s.old.await(s.t, opRead)
}

// outcomes of a switch that got a signal.
type ending struct {
	code int    // of the command; -1: by the signal
	from string // "old": the device is as it was; "new": it has switched
}

// TestSignals: a signal at any stage leaves the device entirely on one of the
// two files, nothing of the switch behind, and, where the signal can be caught, an error
// and an exit status that say which. Every server hangs until after the signal, so the
// stage is sure.
func TestSignals(t *testing.T) {
	for _, stage := range []struct {
		name             string
		play             func(s *interrupted, sig syscall.Signal)
		caught, uncaught ending
	}{
		{StageSync, (*interrupted).atSync, ending{6, "old"}, ending{-1, "old"}},
		{StageVerify, (*interrupted).atVerify, ending{6, "old"}, ending{-1, "old"}},
		{StageVerify + " old", (*interrupted).atVerifyOld, ending{6, "old"}, ending{-1, "old"}},
		{StageCopy, (*interrupted).atCopy, ending{6, "old"}, ending{-1, "old"}},
		{StageSwitch, (*interrupted).atSwitch, ending{5, "new"}, ending{-1, "new"}},
		{StageCheck, (*interrupted).atCheck, ending{4, "old"}, ending{-1, "new"}},
	} {
		for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL} {
			if sig == syscall.SIGTERM && stage.name != StageVerify {
				continue // once is enough, it is SIGINT's handler
			}
			t.Run(fmt.Sprintf("%s/%v", stage.name, sig), func(t *testing.T) {
				s := startInterrupted(t)
				ends := noLeaks(t)
				stage.play(s, sig)
				want := stage.caught
				if sig == syscall.SIGKILL {
					want = stage.uncaught
				}
				s.check(want)
				ends()
			})
		}
	}
}

func (s *interrupted) atSync(sig syscall.Signal) {
	s.new.hold(opFsync)
	s.start("switch", s.new.path)
	s.new.await(s.t, opFsync)
	s.signal(sig)
	if sig != syscall.SIGKILL {
		s.complained()
	}
	s.new.release() // a process can't end while the server has its fsync
	s.gone()
}

func (s *interrupted) atVerify(sig syscall.Signal) {
	s.new.hold(opRead)
	s.start("switch", s.new.path)
	s.new.await(s.t, opRead)
	s.signal(sig)
	s.gone()
	s.new.release()
}

func (s *interrupted) atVerifyOld(sig syscall.Signal) { s.atOld(sig, "switch", s.new.path) }

func (s *interrupted) atCopy(sig syscall.Signal) { s.atOld(sig, "to-memory") }

// atOld hangs in reading the device: the command ends all the same.
func (s *interrupted) atOld(sig syscall.Signal, command string, args ...string) {
	s.old.hold(opRead)
	s.start(command, args...)
	s.old.await(s.t, opRead)
	s.signal(sig)
	s.gone()
	s.old.release()
}

func (s *interrupted) atSwitch(sig syscall.Signal) {
	s.new.hold(opFsync)
	s.start("switch", s.new.path, "--no-verify")
	s.new.await(s.t, opFsync) // past the test for stuck requests
	s.readInFlight()
	s.new.release()
	s.stuck(s.new.path)
	s.signal(sig)
	s.gone() // while the ioctl still hangs
	if now, err := Stat(s.dev.Path()); err != nil || now.BackingFile != s.old.path {
		s.t.Errorf("while it hangs: %+v, %v", now, err)
	}
	s.old.release()
	if err := <-s.read; err != nil {
		s.t.Errorf("the read in flight: %v", err)
	}
	until(s.t, "the pending switch to take effect", func() bool {
		now, err := Stat(s.dev.Path())
		return err == nil && now.BackingFile == s.new.path
	})
}

func (s *interrupted) atCheck(sig syscall.Signal) {
	s.new.hold(opRead)
	s.start("switch", s.new.path, "--no-verify")
	s.new.await(s.t, opRead)
	if now, err := Stat(s.dev.Path()); err != nil || now.BackingFile != s.new.path {
		s.t.Errorf("before the signal: %+v, %v", now, err)
	}
	s.signal(sig)
	if sig != syscall.SIGKILL {
		s.stuck(s.old.path) // the way back
	}
	s.new.release()
	s.gone()
}

func (s *interrupted) check(want ending) {
	s.t.Helper()
	if code := s.cmd.ProcessState.ExitCode(); code != want.code {
		s.t.Errorf("exit status %d, want %d: %s", code, want.code, s.stderr)
	}
	if said := s.stderr.String(); want.code > 0 && (!strings.Contains(said, "loopctl: ") || !strings.Contains(said, s.dev.Path())) {
		s.t.Errorf("no clear error: %q", said)
	}
	until(s.t, "the requests of the command to be answered", func() bool {
		now, err := Stat(s.dev.Path())
		return err == nil && now.InFlight == 0
	})
	now := infoOf(s.t, s.dev)
	backing := map[string]string{"old": s.old.path, "new": s.new.path}[want.from]
	if now.BackingFile != backing {
		s.t.Errorf("it serves from %s, want %s", now.BackingFile, backing)
	}
	if want.from == "old" {
		now.DiskSeq = s.before.DiskSeq // the way back counts
		if now != s.before {
			s.t.Errorf("it has changed:\nbefore %+v\nnow    %+v", s.before, now)
		}
	}
	dropDevice(s.t, s.dev)
	serves(s.t, s.dev, s.content)
}

// dropDevice makes buffered reads of a device go to it.
func dropDevice(t *testing.T, d *Device) {
	t.Helper()
	if err := unix.IoctlSetInt(int(d.f.Fd()), unix.BLKFLSBUF, 0); err != nil {
		t.Log("buffers not dropped:", err)
	}
}
