package stage1

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/therootcompany/xz"
	"github.com/u-root/mkuimage/cpio"
)

// updates are what inst.updates=, or updates of the kickstart, lays over stage 2's image: a squashfs, or a cpio
// archive (newc), plain or compressed with gzip, xz or zstd. It returns the directory to
// lay over; "" when there is nothing. Nothing vouches for it but who wrote the
// boot options or the kickstart.
func (s *session) updates(ctx context.Context) (string, error) {
	from, says := s.updatesFrom()
	if from == "" {
		return "", nil
	}
	failure := func() *Failure {
		return &Failure{What: fmt.Sprintf("The updates of %s can't be used.", says),
			Hint: "Edit the boot options or the kickstart, and try again."}
	}
	var data []byte
	var origin string
	err := s.persist(ctx, func() *Failure {
		f, ok := failure(), false
		if data, origin, ok = s.readNamed(ctx, from, "updates.img", f); !ok {
			return f
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	if err := s.layUpdates(ctx, data); err != nil {
		f := failure()
		f.add(origin, err)
		return "", f
	}
	s.say("Updates from %s are laid over the installer", origin)
	return s.dirs.updates, nil
}

func (s *session) layUpdates(ctx context.Context, data []byte) error {
	if err := os.RemoveAll(s.dirs.updates); err != nil {
		return err
	}
	if err := os.MkdirAll(s.dirs.updates, 0o755); err != nil {
		return err
	}
	if !bytes.HasPrefix(data, []byte(squashfsMagic)) {
		return unpack(data, s.dirs.updates)
	}
	file := s.dirs.updates + ".img"
	if err := writePrivate(file, data); err != nil {
		return err
	}
	loop, err := s.attach(ctx, file)
	if err != nil {
		return err
	}
	return s.mountOn(mount{source: loop, target: s.dirs.updates, fstype: "squashfs"})
}

// unpack unpacks a cpio archive below dir.
func unpack(data []byte, dir string) error {
	plain, err := decompress(data)
	if err != nil {
		return err
	}
	r := cpio.Newc.Reader(bytes.NewReader(plain))
	for n := 0; ; n++ {
		rec, err := r.ReadRecord()
		if errors.Is(err, io.EOF) && n > 0 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("it is neither a squashfs nor a cpio archive: %w", err)
		}
		if !filepath.IsLocal(rec.Name) {
			return fmt.Errorf("the archive has a file outside of it: %s", rec.Name)
		}
		rec.Name = merged(filepath.Clean(rec.Name))
		if err := cpio.CreateFileInRoot(rec, dir, true); err != nil {
			return fmt.Errorf("unpack %s: %w", rec.Name, err)
		}
	}
}

// merged is where a file belongs in a root whose /bin, /lib, /lib64 and /sbin are
// links into /usr: a directory laid over such a link would hide what is behind it.
func merged(name string) string {
	switch top, _, _ := strings.Cut(name, "/"); top {
	case "bin", "lib", "lib64", "sbin":
		return "usr/" + name
	}
	return name
}

// decompress undoes a compression, known by how it begins.
func decompress(data []byte) ([]byte, error) {
	var r io.Reader
	var err error
	in := bytes.NewReader(data)
	switch {
	case bytes.HasPrefix(data, []byte{0x1f, 0x8b}):
		r, err = gzip.NewReader(in)
	case bytes.HasPrefix(data, []byte("\xfd7zXZ\x00")):
		r, err = xz.NewReader(in, xz.DefaultDictMax)
	case bytes.HasPrefix(data, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		r, err = zstd.NewReader(in)
	default:
		return data, nil
	}
	if err != nil {
		return nil, fmt.Errorf("decompress it: %w", err)
	}
	plain, err := io.ReadAll(io.LimitReader(r, maxUnpacked+1))
	if err == nil && len(plain) > maxUnpacked {
		err = fmt.Errorf("it has more than %d bytes", maxUnpacked)
	}
	if err != nil {
		return nil, fmt.Errorf("decompress it: %w", err)
	}
	return plain, nil
}

// maxUnpacked bounds updates in memory, bytes.
const maxUnpacked = 256 << 20
