package sshd

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// openPTY opens a pseudo terminal, pts(4). Closing the master ends what waits for it, which a file
// that blocks wouldn't; the other side is as programs expect it. The kernel opens that without
// a path (TIOCGPTPEER, ioctl_tty(2)), so that it needs no /dev/pts of this root.
func openPTY(size Size) (master, tty *os.File, err error) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("open a pseudo terminal, /dev/ptmx: %w", err)
	}
	master = os.NewFile(uintptr(fd), "/dev/ptmx")
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		master.Close()
		return nil, nil, fmt.Errorf("unlock a pseudo terminal: %w", err)
	}
	peer, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if errno != 0 {
		master.Close()
		return nil, nil, fmt.Errorf("open the other side of a pseudo terminal: %w", errno)
	}
	tty = os.NewFile(peer, "pseudo terminal")
	if err := setSize(master, size); err != nil {
		master.Close()
		tty.Close()
		return nil, nil, err
	}
	return master, tty, nil
}

func setSize(f *os.File, size Size) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	controlled := raw.Control(func(fd uintptr) {
		err = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: uint16(size.Height), Col: uint16(size.Width)})
	})
	if controlled != nil {
		err = controlled
	}
	if err != nil {
		return fmt.Errorf("give a pseudo terminal a size of %d×%d: %w", size.Width, size.Height, err)
	}
	return nil
}
