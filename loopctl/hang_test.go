package loopctl

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// hanging is a FUSE file system of one file, whose reads can be made to hang as
// those of a dead server. The protocol is of include/uapi/linux/fuse.h.
type hanging struct {
	fd      int
	dir     string // where it is mounted
	ttl     uint64 // how long the kernel may keep attributes, seconds
	content []byte
	parked  chan struct{} // gets one for every read that hangs
	mu      sync.Mutex
	stopped bool
	waiting [][2]uint64 // unique and offset<<32|size of reads that hang
}

// hang mounts it and opens its file.
func hang(t *testing.T, content []byte) (*hanging, *os.File) {
	t.Helper()
	asRoot(t)
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skip("needs FUSE:", err)
	}
	dir := t.TempDir()
	h := &hanging{fd: fd, dir: dir, ttl: 3600, content: content, parked: make(chan struct{}, 64)}
	served := make(chan struct{})
	data := fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", fd)
	if err := unix.Mount("hanging", dir, "fuse", unix.MS_RDONLY, data); err != nil {
		unix.Close(fd)
		t.Skip("needs FUSE:", err)
	}
	go func() { defer close(served); h.serve() }()
	t.Cleanup(func() {
		h.resume()
		if err := unix.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
			unix.Unmount(dir, unix.MNT_DETACH|unix.MNT_FORCE)
		}
		<-served
		unix.Close(fd)
	})
	return h, openPolled(t, filepath.Join(dir, "img"))
}

// openPolled opens a file of a server in this very process. The first poll of it must not
// be that of the runtime: the garbage collector would wait for that one, and the
// server for the garbage collector.
func openPolled(t *testing.T, name string) *os.File {
	t.Helper()
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0); err != nil {
		t.Fatal(err)
	}
	return os.NewFile(uintptr(fd), name)
}

func (h *hanging) serve() {
	buf := make([]byte, 1<<20)
	for {
		n, err := unix.Read(h.fd, buf)
		if errors.Is(err, unix.EINTR) || errors.Is(err, unix.ENOENT) {
			continue
		}
		if err != nil {
			return
		}
		h.request(buf[:n])
	}
}

func (h *hanging) request(in []byte) {
	op, unique, node := binary.LittleEndian.Uint32(in[4:]), binary.LittleEndian.Uint64(in[8:]), binary.LittleEndian.Uint64(in[16:])
	switch op {
	case 26: // INIT
		h.reply(unique, 0, uint32(7), uint32(31), uint32(1<<17), uint32(0), uint16(64), uint16(48), uint32(1<<17), uint32(1), [36]byte{})
	case 1: // LOOKUP
		ttl := h.lifetime()
		h.reply(unique, 0, uint64(2), uint64(0), ttl, ttl, uint64(0), h.attr(2))
	case 3: // GETATTR
		h.reply(unique, 0, h.lifetime(), uint64(0), h.attr(node))
	case 14, 27: // OPEN, OPENDIR: direct I/O, nothing is cached
		h.reply(unique, 0, uint64(1), uint32(1), uint32(0))
	case 15: // READ
		h.read(unique, binary.LittleEndian.Uint64(in[48:]), uint64(binary.LittleEndian.Uint32(in[56:])))
	case 2, 36, 42: // FORGET, INTERRUPT, BATCH_FORGET have no reply
	default:
		h.reply(unique, unix.ENOSYS)
	}
}

func (h *hanging) lifetime() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ttl
}

func (h *hanging) attr(node uint64) []any {
	mode, size := uint32(unix.S_IFDIR|0o755), uint64(0)
	if node == 2 {
		mode, size = unix.S_IFREG|0o644, uint64(len(h.content))
	}
	return []any{node, size, size / 512, [36]byte{}, mode, uint32(1), uint32(0), uint32(0), uint32(0), uint32(4096), uint32(0)}
}

func (h *hanging) read(unique, off, size uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopped {
		h.waiting = append(h.waiting, [2]uint64{unique, off<<32 | size})
		h.parked <- struct{}{}
		return
	}
	end := min(off+size, uint64(len(h.content)))
	h.reply(unique, 0, h.content[min(off, end):end])
}

func (h *hanging) reply(unique uint64, errno unix.Errno, parts ...any) {
	var b bytes.Buffer
	for _, p := range parts {
		if list, ok := p.([]any); ok {
			for _, e := range list {
				binary.Write(&b, binary.LittleEndian, e)
			}
			continue
		}
		binary.Write(&b, binary.LittleEndian, p)
	}
	out := binary.LittleEndian.AppendUint32(nil, uint32(16+b.Len()))
	out = binary.LittleEndian.AppendUint32(out, uint32(-int32(errno)))
	out = binary.LittleEndian.AppendUint64(out, unique)
	unix.Write(h.fd, append(out, b.Bytes()...))
}

// die is the end of the server: whatever is asked of it from now on fails.
func (h *hanging) die(t *testing.T) {
	t.Helper()
	if err := unix.Unmount(h.dir, unix.MNT_FORCE); err != nil && !errors.Is(err, unix.EBUSY) {
		t.Fatal(err)
	}
}

// forget makes the kernel ask for attributes each time from now on.
func (h *hanging) forget(t *testing.T) {
	t.Helper()
	h.mu.Lock()
	h.ttl = 0
	h.mu.Unlock()
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, filepath.Join(h.dir, "img"), unix.AT_STATX_FORCE_SYNC, unix.STATX_SIZE, &st); err != nil {
		t.Fatal(err)
	}
}

func (h *hanging) stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopped = true
}

func (h *hanging) resume() {
	h.mu.Lock()
	h.stopped = false
	waiting := h.waiting
	h.waiting = nil
	h.mu.Unlock()
	for _, w := range waiting {
		h.read(w[0], w[1]>>32, w[1]&0xffffffff)
	}
}

// TestHanging: with a read stuck in the old file Switch refuses, and the ioctl
// comes back to its caller as pending. It takes effect when the read ends.
func TestHanging(t *testing.T) {
	content := pattern(1<<20, 1)
	h, f := hang(t, content)
	d := attach(t, f, Config{ReadOnly: true})
	f.Close()
	to := file(t, "to", content)
	dev, err := d.directReader()
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	h.stop()
	read := make(chan error, 1)
	go func() { read <- readFull(dev, aligned(4096), 512<<10) }()
	select {
	case <-h.parked:
	case <-within(t).Done():
		t.Fatal("no read arrives")
	}
	o := &SwitchOptions{StallAfter: 100 * time.Millisecond}
	if _, err := d.Switch(within(t), to, o); !errors.Is(err, ErrStalled) {
		t.Errorf("Switch: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := exchange(ctx, d.f, to, func() {}); !errors.Is(err, ErrPending) {
		t.Errorf("the ioctl: %v", err)
	}
	h.resume()
	if err := <-read; err != nil {
		t.Errorf("the read: %v", err)
	}
	for wait := newBackoff(); !isBacking(to, infoOf(t, d)); {
		if err := wait.next(within(t)); err != nil {
			t.Fatal("the pending switch doesn't take effect")
		}
	}
	serves(t, d, content)
}
