package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/molt-installer/molt/stage2/payload"
)

// Where the copy is on the target, and what has to be kept of the target while it is unpacked.
const (
	dir      = ".molt/image"
	fileName = dir + "/image"
	keptName = dir + "/kept"
	viewName = dir + "/view" // where a file system image is mounted
)

// ChecksumError is an image that isn't the one that was meant. Nothing of it has been unpacked.
type ChecksumError struct {
	URL       string
	Got, Want string // SHA-256
}

func (e *ChecksumError) Error() string {
	return fmt.Sprintf("the image %s has the SHA-256 %s, and liveimg --checksum= says %s: it is damaged or another one. Nothing of it has been unpacked", e.URL, e.Got, e.Want)
}

// Fetch implements payload.Payload. It can be called again after an error.
func (p *Payload) Fetch(ctx context.Context, f payload.Fetch) error {
	im := f.Selection.Image
	to := filepath.Join(f.Target, fileName)
	if good(to, im.SHA256) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	err := p.copy(ctx, f, to)
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("the target is full: the image %s doesn't fit there beside what it becomes. Go back and choose a larger disk or a smaller image: %w", im.URL, err)
	case err != nil:
		return fmt.Errorf("copy the image %s to the target: %w", im.URL, err)
	}
	return nil
}

func (p *Payload) copy(ctx context.Context, f payload.Fetch, to string) error {
	im := f.Selection.Image
	in, name, _, err := p.open(ctx, f.From, true)
	if err != nil {
		return err
	}
	defer in.Close()
	file, err := in.Open(ctx, name)
	if err != nil {
		return err
	}
	defer file.Close()
	r, err := file.Stream(ctx, 0)
	if err != nil {
		return err
	}
	defer r.Close()
	part := to + ".part"
	out, err := os.Create(part)
	if err != nil {
		return err
	}
	sum, count := sha256.New(), &counter{im: im, to: f.Progress}
	n, err := io.Copy(io.MultiWriter(out, sum, count), r)
	err = errors.Join(err, out.Close())
	got := hex.EncodeToString(sum.Sum(nil))
	switch {
	case err != nil:
	case im.SHA256 != "" && got != im.SHA256:
		err = &ChecksumError{im.URL, got, im.SHA256}
	case im.Size >= 0 && n != im.Size:
		err = fmt.Errorf("%d bytes came of %d: it has changed meanwhile", n, im.Size)
	default:
		f.Progress.Line("the image " + im.URL + " has the SHA-256 " + got)
		return os.Rename(part, to)
	}
	return errors.Join(err, os.Remove(part))
}

// counter tells how much has been written.
type counter struct {
	im   *payload.Image
	to   payload.Progress
	done int64
}

func (c *counter) Write(b []byte) (int, error) {
	c.done += int64(len(b))
	c.to.Advance(c.done, max(0, c.im.Size), "bytes", c.im.URL)
	return len(b), nil
}

// good reports whether an earlier try has left a copy that is known to be right.
func good(name, want string) bool {
	f, err := os.Open(name)
	if err != nil || want == "" {
		return false
	}
	defer f.Close()
	sum := sha256.New()
	_, err = io.Copy(sum, f)
	return err == nil && hex.EncodeToString(sum.Sum(nil)) == want
}
