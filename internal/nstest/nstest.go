// Package nstest runs a test in a process with Linux namespaces of its own
// (namespaces(7)), so that whatever it does to networks and mounts ends with it.
// What the namespaces are filled with is the test's.
package nstest

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// inside names the test that a process was started for.
const inside = "MOLT_TEST_NAMESPACES"

// Inside reports whether this is the process that Again started for the test.
func Inside(t *testing.T) bool { return os.Getenv(inside) == t.Name() }

// Again runs the calling test in a process with namespaces of its own: flags of
// clone(2), of which CLONE_NEWPID ends all it starts. Its result and what it says
// become this one's, and nothing more is to be done here.
func Again(t *testing.T, namespaces uintptr) {
	t.Helper()
	args := []string{"-test.run=^" + t.Name() + "$", "-test.v", "-test.timeout=0"}
	if end, ok := t.Deadline(); ok {
		args[2] = fmt.Sprintf("-test.timeout=%s", time.Until(end))
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), inside+"="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces, Pdeathsig: unix.SIGKILL}
	said, err := cmd.CombinedOutput()
	switch {
	case err != nil:
		t.Errorf("%v\n%s", err, said)
	case strings.Contains(string(said), "--- SKIP: "+t.Name()):
		t.Skipf("%s", said)
	case !strings.Contains(string(said), "--- PASS: "+t.Name()):
		t.Errorf("the test was not run:\n%s", said)
	default:
		t.Logf("%s", said)
	}
}

// IP runs iproute2's program.
func IP(t testing.TB, args string) {
	t.Helper()
	if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v: %s", args, err, out)
	}
}
