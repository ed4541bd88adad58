package loopctl

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// errNoAnswer says that the ioctl may have been issued, and only the device can tell
// what became of it.
var errNoAnswer = errors.New("the helper process ended without an answer")

// errNoHelper says that nothing was issued, because no helper process could be had.
var errNoHelper = errors.New("no helper process")

// exchange issues LOOP_CHANGE_FD and waits for it until ctx ends: in a helper
// process, or, where none can be had, in a thread (see "The helper process" in the
// package doc). The error is an errno, errNoAnswer or ErrPending. note says, in
// words, why there was no helper. waiting is called now and then meanwhile.
func exchange(ctx context.Context, dev, f *os.File, waiting func()) (note string, err error) {
	err = await(ctx, byProcess(dev, f), waiting)
	if errors.Is(err, errNoHelper) {
		note = err.Error() + ": the ioctl ran in a thread of this process"
		err = await(ctx, byThread(dev, f), waiting)
	}
	return note, err
}

// attempt is an ioctl under way. The channels have room for what is sent, so that
// nobody has to wait for an attempt that never ends.
type attempt struct {
	child chan *os.Process
	done  chan error
}

func newAttempt() *attempt {
	return &attempt{child: make(chan *os.Process, 1), done: make(chan error, 1)}
}

// await waits for the end of an attempt.
func await(ctx context.Context, a *attempt, waiting func()) error {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-a.done:
			return err
		case <-tick.C:
			waiting()
		case <-ctx.Done():
			return a.callBack(context.Cause(ctx))
		}
	}
}

// callBack kills the helper, which works as long as the ioctl waits for the
// device's lock, and gives it a moment to end.
func (a *attempt) callBack(why error) error {
	t := time.NewTimer(moment)
	defer t.Stop()
	for {
		select {
		case p := <-a.child:
			_ = p.Kill() // an error means that it has just ended
		case err := <-a.done:
			return err
		case <-t.C:
			return fmt.Errorf("%w: %w", ErrPending, why)
		}
	}
}

func byThread(dev, f *os.File) *attempt {
	a := newAttempt()
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		a.done <- unix.IoctlSetInt(int(dev.Fd()), loopChangeFD, int(f.Fd()))
		runtime.KeepAlive(f)
	}()
	return a
}

func byProcess(dev, f *os.File) *attempt {
	a := newAttempt()
	go func() {
		// What ends this thread ends the helper too, see Pdeathsig.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		p, err := startHelper(dev, f)
		if err != nil {
			a.done <- err
			return
		}
		a.child <- p
		a.done <- answer(p.Wait())
	}()
	return a
}

// startHelper runs the program in a process group of its own, so that a Ctrl-C
// meant for the caller doesn't end it half-way. If the caller is killed, so is the helper,
// as long as it waits for the device's lock. It gets no descriptors but the two.
func startHelper(dev, f *os.File) (*os.Process, error) {
	program, err := helperProgram()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoHelper, err)
	}
	defer program.Close()
	p, err := os.StartProcess(fmt.Sprintf("/proc/self/fd/%d", program.Fd()), []string{"loopctl-helper"}, &os.ProcAttr{
		Dir:   "/",
		Env:   []string{},
		Files: []*os.File{dev, f},
		Sys:   &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL},
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoHelper, err)
	}
	return p, nil
}

// answer reads the errno from how the helper ended. Somebody else may have reaped
// it, as a PID 1 does that waits for any child: then there is none.
func answer(s *os.ProcessState, err error) error {
	if err != nil {
		return fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	code := s.ExitCode()
	if code < 0 {
		return fmt.Errorf("%w: %v", errNoAnswer, s)
	}
	if code > 0 {
		return syscall.Errno(code)
	}
	return nil
}

// helperProgram is the program in memory. Its descriptor is a high one, out of the way
// of those that a child gets.
func helperProgram() (*os.File, error) {
	image, err := helperImage(runtime.GOARCH)
	if err != nil {
		return nil, err
	}
	fd, err := unix.MemfdCreate("loopctl-helper", unix.MFD_CLOEXEC|unix.MFD_EXEC)
	if errors.Is(err, unix.EINVAL) { // before Linux 6.3 every memfd could be executed
		fd, err = unix.MemfdCreate("loopctl-helper", unix.MFD_CLOEXEC)
	}
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	if _, err := unix.Write(fd, image); err != nil {
		return nil, err
	}
	const high = 64
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, high)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(dup), "loopctl-helper"), nil
}

// machine is the helper for one architecture: exit(-ioctl(0, LOOP_CHANGE_FD, 1)).
type machine struct {
	elf  uint16 // e_machine
	code []byte
}

// helperCode is the machine code of the helper; ok is false where there is none.
func helperCode(arch string) (m machine, ok bool) {
	switch arch {
	case "amd64":
		return machine{62, []byte{
			0x31, 0xff, // xor edi, edi
			0xbe, 0x06, 0x4c, 0, 0, // mov esi, 0x4c06
			0xba, 1, 0, 0, 0, // mov edx, 1
			0xb8, 16, 0, 0, 0, // mov eax, 16 (ioctl)
			0x0f, 0x05, // syscall
			0xf7, 0xd8, // neg eax
			0x89, 0xc7, // mov edi, eax
			0xb8, 231, 0, 0, 0, // mov eax, 231 (exit_group)
			0x0f, 0x05, // syscall
		}}, true
	case "arm64":
		return machine{183, words(
			0xd2800000, // mov x0, #0
			0xd28980c1, // mov x1, #0x4c06
			0xd2800022, // mov x2, #1
			0xd28003a8, // mov x8, #29 (ioctl)
			0xd4000001, // svc #0
			0xcb0003e0, // neg x0, x0
			0xd2800bc8, // mov x8, #94 (exit_group)
			0xd4000001, // svc #0
		)}, true
	}
	return machine{}, false
}

func words(w ...uint32) []byte {
	var b []byte
	for _, v := range w {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return b
}

// helperImage is the smallest ELF file around the code: header, one segment, elf(5).
func helperImage(arch string) ([]byte, error) {
	m, ok := helperCode(arch)
	if !ok {
		return nil, fmt.Errorf("not written for %s", arch)
	}
	const base, headers = 0x400000, 64 + 56
	size := uint64(headers + len(m.code))
	var b bytes.Buffer
	for _, part := range []any{
		[16]byte{0x7f, 'E', 'L', 'F', 2, 1, 1}, // 64 bits, little-endian
		uint16(2), m.elf, uint32(1),            // ET_EXEC, machine, version
		uint64(base + headers), uint64(64), uint64(0), // entry, program headers, section headers
		uint32(0), uint16(64), uint16(56), uint16(1), // flags, sizes of headers, one program header
		uint16(0), uint16(0), uint16(0), // no sections
		uint32(1), uint32(5), // PT_LOAD, read and execute
		uint64(0), uint64(base), uint64(base), size, size, // the whole file
		uint64(0x10000), // alignment: no page is bigger
		m.code,
	} {
		if err := binary.Write(&b, binary.LittleEndian, part); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}
