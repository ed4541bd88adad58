package lan

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/internal/nstest"
	"github.com/molt-installer/molt/internal/vm/vmtest"
)

// Isolated reports whether the calling test is in a process of its own. If it
// isn't, it is run in one, its result becomes this one's, and nothing more is to
// be done.
func Isolated(t *testing.T) bool {
	t.Helper()
	if nstest.Inside(t) {
		isolate(t)
		return true
	}
	if testing.Short() {
		t.Skip("guests are left out in short mode")
	}
	vmtest.NeedRoot(t)
	vmtest.Need(t, "ip", "dnsmasq", "nginx")
	nstest.Again(t, unix.CLONE_NEWNET|unix.CLONE_NEWNS|unix.CLONE_NEWPID)
	return false
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
	nstest.IP(t, "link set lo up")
}

func do(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
