package loopctl

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// Operations of a gate that can be held.
const (
	opRead  = "read"
	opFsync = "fsync"
)

// gate is a file on a FUSE server that can be made to hang, as a dead server's
// does: it doesn't heed interrupts either.
type gate struct {
	fs.Inode
	content []byte
	path    string
	arrived chan string // gets the name of every operation that hangs

	mu   sync.Mutex
	held map[string]chan struct{} // closed to let the operation go on
}

// gated mounts a file of that name and content, all gates open.
func gated(t *testing.T, name string, content []byte) *gate {
	t.Helper()
	asRoot(t)
	g := &gate{content: content, arrived: make(chan string, 1024), held: map[string]chan struct{}{}}
	dir := t.TempDir()
	g.path = filepath.Join(dir, name)
	long := time.Hour
	root := &fs.Inode{}
	server, err := fs.Mount(dir, root, &fs.Options{
		EntryTimeout: &long, AttrTimeout: &long,
		MountOptions: fuse.MountOptions{DirectMountStrict: true, FsName: "gate", Name: "gate", MaxBackground: 128, DisableSplice: true},
		OnAdd: func(ctx context.Context) {
			root.AddChild(name, root.NewPersistentInode(ctx, g, fs.StableAttr{Mode: syscall.S_IFREG}), false)
		},
	})
	if err != nil {
		t.Skip("needs FUSE:", err)
	}
	t.Cleanup(func() {
		g.release()
		// MNT_FORCE ends the connection also where another mount namespace has the mount.
		if err := syscall.Unmount(dir, syscall.MNT_FORCE); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
			syscall.Unmount(dir, syscall.MNT_DETACH)
		}
		server.Wait()
	})
	return g
}

// hold makes operations of that kind hang from now on.
func (g *gate) hold(op string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held[op] = make(chan struct{})
}

// release lets go on whatever hangs.
func (g *gate) release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.held {
		close(c)
	}
	clear(g.held)
}

func (g *gate) pass(op string) {
	g.mu.Lock()
	c := g.held[op]
	g.mu.Unlock()
	if c != nil {
		g.arrived <- op
		<-c
	}
}

// await waits for an operation to hang.
func (g *gate) await(t *testing.T, op string) {
	t.Helper()
	ctx := within(t)
	for {
		select {
		case got := <-g.arrived:
			if got == op {
				return
			}
		case <-ctx.Done():
			t.Fatalf("no %s of %s arrives", op, g.path)
		}
	}
}

// open opens the file for reading.
func (g *gate) open(t *testing.T) *os.File { return opened(t, g.path, 0) }

func (g *gate) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	out.Mode, out.Size, out.Blksize = syscall.S_IFREG|0o644, uint64(len(g.content)), 4096
	return 0
}

func (g *gate) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return nil, fuse.FOPEN_KEEP_CACHE, 0
}

func (g *gate) Read(_ context.Context, _ fs.FileHandle, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	g.pass(opRead)
	end := min(off+int64(len(dest)), int64(len(g.content)))
	return fuse.ReadResultData(g.content[min(off, end):end]), 0
}

func (g *gate) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	g.pass(opFsync)
	return 0
}

var (
	_ fs.NodeGetattrer = (*gate)(nil)
	_ fs.NodeOpener    = (*gate)(nil)
	_ fs.NodeReader    = (*gate)(nil)
	_ fs.NodeFsyncer   = (*gate)(nil)
)
