package loopctl

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestMain gives the tests a directory of their own, so that what they leave behind
// can be told from what others do on the machine, and looks for it at the end.
func TestMain(m *testing.M) {
	if os.Getenv(inChroot) != "" {
		os.Exit(m.Run())
	}
	if dir := os.Getenv(asSweeper); dir != "" {
		os.Exit(sweeper(dir))
	}
	os.Exit(inOwnDirectory(m.Run))
}

func inOwnDirectory(run func() int) (code int) {
	dir, err := os.MkdirTemp("", "loopctl-test-")
	if err == nil {
		err = errors.Join(os.Chmod(dir, 0o755), os.Setenv("TMPDIR", dir))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	dismiss, err := startSweeper(dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer dismiss()
	before := holdings()
	if code = run(); code != 0 {
		return code
	}
	if left := eventually(func() string { return newcomers(before, holdings()) }); left != "" {
		fmt.Fprint(os.Stderr, "the tests leave behind:\n", left)
		return 1
	}
	return 0
}

// built is the command, made once for all tests.
var built = sync.OnceValues(func() (string, error) {
	name := filepath.Join(os.TempDir(), "loopctl")
	out, err := exec.Command("go", "build", "-o", name, "../cmd/loopctl").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the command: %w\n%s", err, out)
	}
	return name, nil
})

// outcome is what became of a command.
type outcome struct {
	stdout, stderr string
	code           int // -1: it ended by a signal
}

// commandLine prepares the command as a shell would start it: in a process group of its own.
func commandLine(ctx context.Context, t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	asRoot(t)
	name, err := built()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

// command runs the command.
func command(t testing.TB, args ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return outcomeOf(t, commandLine(ctx, t, args...))
}

func outcomeOf(t testing.TB, cmd *exec.Cmd) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return outcome{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// eventually waits until complaint has none, and gives its last.
func eventually(complaint func() string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for wait := newBackoff(); ; {
		s := complaint()
		if s == "" || wait.next(ctx) != nil {
			return s
		}
	}
}

// until waits for a condition that nothing tells of.
func until(t testing.TB, what string, done func() bool) {
	t.Helper()
	if s := eventually(func() string {
		if done() {
			return ""
		}
		return what
	}); s != "" {
		t.Fatalf("waited in vain: %s", s)
	}
}
