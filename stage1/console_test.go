package stage1

import (
	"io"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestConsoleHungUp: a console on which everything open was hung up, as the end
// of a session leader does, works again after Restore.
func TestConsoleHungUp(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root: TIOCVHANGUP")
	}
	master, name := openPty(t)
	con := &consoles{all: []*console{{device: name}}}
	con.Restore()
	defer con.all[0].file.Close()
	control(con.all[0].file, func(fd int) {
		if err := unix.IoctlSetInt(fd, unix.TIOCVHANGUP, 0); err != nil {
			t.Fatal(err)
		}
	})
	if _, err := con.all[0].file.Write([]byte("lost")); err == nil {
		t.Fatal("a console that was hung up still takes what is written")
	}
	con.Restore()
	_, _ = io.WriteString(con, "What now?\n")
	buf := make([]byte, 4096)
	n, err := master.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	for !strings.Contains(string(buf[:n]), "What now?") {
		m, err := master.Read(buf[n:])
		if err != nil {
			t.Fatalf("%v; got %q", err, buf[:n])
		}
		n += m
	}
}

func openPty(t *testing.T) (master *os.File, slave string) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	control(master, func(fd int) {
		if err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
			t.Fatal(err)
		}
		var n int
		if n, err = unix.IoctlGetInt(fd, unix.TIOCGPTN); err != nil {
			t.Fatal(err)
		}
		slave = "/dev/pts/" + strconv.Itoa(n)
	})
	return master, slave
}
