package lan

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/internal/vm/vmtest"
)

// inside names the test that a process was started for.
const inside = "MOLT_TEST_LAN"

// Isolated reports whether the calling test is in a process of its own. If it
// isn't, it is run in one, its result becomes this one's, and nothing more is to
// be done.
func Isolated(t *testing.T) bool {
	t.Helper()
	if os.Getenv(inside) == t.Name() {
		isolate(t)
		return true
	}
	if testing.Short() {
		t.Skip("guests are left out in short mode")
	}
	vmtest.NeedRoot(t)
	vmtest.Need(t, "ip", "dnsmasq", "nginx")
	again(t)
	return false
}

// again runs the test in new namespaces. What it says is this test's output.
func again(t *testing.T) {
	t.Helper()
	args := []string{"-test.run=^" + t.Name() + "$", "-test.v", "-test.timeout=0"}
	if end, ok := t.Deadline(); ok {
		args[2] = fmt.Sprintf("-test.timeout=%s", time.Until(end))
	}
	var said strings.Builder
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), inside+"="+t.Name())
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID, Pdeathsig: unix.SIGKILL,
	}
	err := cmd.Run()
	switch {
	case err != nil:
		t.Errorf("%v\n%s", err, &said)
	case strings.Contains(said.String(), "--- SKIP: "+t.Name()):
		t.Skip(said.String())
	case !strings.Contains(said.String(), "--- PASS: "+t.Name()):
		t.Errorf("the test was not run:\n%s", &said)
	default:
		t.Log(said.String())
	}
}

// isolate gives the servers directories of their own to write to.
func isolate(t *testing.T) {
	t.Helper()
	do(t, unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	do(t, unix.Mount("proc", "/proc", "proc", 0, ""))
	for _, dir := range []string{"/run", "/var/lib/nfs"} {
		if _, err := os.Stat(dir); err == nil {
			do(t, unix.Mount("tmpfs", dir, "tmpfs", 0, ""))
		}
	}
	ip(t, "link set lo up")
}

func do(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ip runs iproute2's program.
func ip(t testing.TB, args string) {
	t.Helper()
	if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v: %s", args, err, out)
	}
}
