package blockfs

import (
	"errors"
	"io"
	"math"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// forever is for how long the kernel may believe what it was told. It counts in jiffies
// from 64-bit seconds and caps what would overflow (fs/fuse/dir.c, time_to_jiffies).
const forever = time.Duration(math.MaxInt64)

const fileNode = fuse.FUSE_ROOT_ID + 1

// tree is the file system: the root and the file. What it doesn't know is answered with
// ENOSYS, which for most requests means that the kernel doesn't ask again.
type tree struct {
	fuse.RawFileSystem
	config Config
	born   time.Time
	users  *users
}

func newTree(c Config) *tree {
	return &tree{fuse.NewDefaultRawFileSystem(), c, time.Now(), newUsers()}
}

func (t *tree) String() string { return "blockfs" }

func (t *tree) attr(node uint64) (fuse.Attr, bool) {
	a := fuse.Attr{Ino: node, Nlink: 1, Blksize: 4096}
	switch node {
	case fuse.FUSE_ROOT_ID:
		a.Mode, a.Nlink = fuse.S_IFDIR|0o555, 2
	case fileNode:
		a.Mode, a.Size = fuse.S_IFREG|0o444, uint64(t.config.Reader.Size())
		a.Blocks = (a.Size + 511) / 512
	default:
		return a, false
	}
	a.SetTimes(&t.born, &t.born, &t.born)
	return a, true
}

func (t *tree) Lookup(_ <-chan struct{}, header *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	if header.NodeId != fuse.FUSE_ROOT_ID || name != t.config.Name {
		return fuse.ENOENT
	}
	out.NodeId, out.Generation = fileNode, 1
	out.Attr, _ = t.attr(fileNode)
	out.SetEntryTimeout(forever)
	out.SetAttrTimeout(forever)
	return fuse.OK
}

func (t *tree) GetAttr(_ <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	a, ok := t.attr(in.NodeId)
	if !ok {
		return fuse.ENOENT
	}
	out.Attr = a
	out.SetTimeout(forever)
	return fuse.OK
}

// Open answers that there is nothing to do: from then on the kernel opens and closes
// without a request, and keeps the pages. A file that is watched keeps them too.
func (t *tree) Open(_ <-chan struct{}, _ *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	if !t.config.Watched {
		return fuse.ENOSYS
	}
	out.OpenFlags, out.Fh = fuse.FOPEN_KEEP_CACHE, t.users.come()
	return fuse.OK
}

// Release comes when the last reference to an open file is gone, a loop device's
// among them (fs/fuse/file.c, fuse_release). Nobody waits for the answer.
func (t *tree) Release(_ <-chan struct{}, in *fuse.ReleaseIn) { t.users.gone(in.Fh) }

func (t *tree) OpenDir(_ <-chan struct{}, _ *fuse.OpenIn, _ *fuse.OpenOut) fuse.Status {
	return fuse.OK
}

func (t *tree) ReadDir(_ <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	if in.Offset == 0 {
		out.AddDirEntry(fuse.DirEntry{Name: t.config.Name, Mode: fuse.S_IFREG, Ino: fileNode, Off: 1})
	}
	return fuse.OK
}

func (t *tree) StatFs(_ <-chan struct{}, _ *fuse.InHeader, out *fuse.StatfsOut) fuse.Status {
	out.Bsize, out.Frsize, out.NameLen = 4096, 4096, 255
	out.Blocks = (uint64(t.config.Reader.Size()) + 4095) / 4096
	out.Files = 1
	return fuse.OK
}

// Flush is what every close would ask for, and hang on if the server is stopped.
func (t *tree) Flush(_ <-chan struct{}, _ *fuse.FlushIn) fuse.Status { return fuse.ENOSYS }

// Fsync is what LOOP_CHANGE_FD asks for with the device locked.
func (t *tree) Fsync(_ <-chan struct{}, _ *fuse.FsyncIn) fuse.Status { return fuse.ENOSYS }

// Read answers with the bytes, or EIO: whatever is wrong below, nobody above can mend it.
func (t *tree) Read(cancel <-chan struct{}, in *fuse.ReadIn, buf []byte) (fuse.ReadResult, fuse.Status) {
	off := int64(in.Offset)
	if off < 0 || in.NodeId != fileNode {
		return nil, fuse.EINVAL
	}
	buf = buf[:min(len(buf), int(in.Size))]
	n, err := t.config.Reader.ReadAt(&fuse.Context{Cancel: cancel}, buf, off)
	if err == nil || errors.Is(err, io.EOF) {
		return fuse.ReadResultData(buf[:n]), fuse.OK
	}
	select {
	case <-cancel: // nobody waits any more
		return nil, fuse.EINTR
	default:
	}
	if t.config.Failed != nil {
		t.config.Failed(off, len(buf), err)
	}
	return nil, fuse.EIO
}
