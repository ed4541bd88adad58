// Package image is the payload that makes the new system of one image: kickstart's liveimg.
//
// An image is a tar archive (as it is, or compressed by gzip, xz or zstd) or a file system
// (squashfs, ext2 to 4, XFS) that holds a whole system from its root on. It lies at a server (http,
// https, ftp), on the installation medium or in a file of the installer's. It is told by what it
// begins with, not by its name.
//
// It is copied whole to the target and unpacked there; with a checksum nothing is unpacked before the copy
// has been found to be right. What belongs to the machine that the image was made on doesn't come along: see
// settle. This package partitions nothing and adds no packages: what a layout needs, the image must bring.
package image

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/media/fetch"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/host"
	"github.com/molt-installer/molt/stage2/payload"
)

// Host is what of a machine this package needs.
type Host interface {
	host.Commands
	host.Mounts
}

// Config is what New needs.
type Config struct {
	Source  config.Source // of the kind liveimg
	Disc1   fetch.Tree    // the medium
	Host    Host
	Options fetch.Options // of the boot options: their proxy comes before Source's
}

// patience is how long a server is asked again that has stopped answering.
const patience = 5 * time.Minute

// Payload implements payload.Payload.
type Payload struct{ Config }

var _ payload.Payload = (*Payload)(nil)

// New makes a payload. It asks no server yet.
func New(c Config) *Payload {
	c.Options.Proxy = cmp.Or(c.Options.Proxy, c.Source.Proxy)
	c.Options.NoVerify = c.Options.NoVerify || c.Source.NoVerify
	return &Payload{c}
}

// Catalog implements payload.Payload: an image has nothing to choose.
func (p *Payload) Catalog() *media.Catalog { return &media.Catalog{} }

// Selection is what is known of an image without looking at it.
func Selection(s config.Source) *payload.Selection {
	sel := &payload.Selection{Image: &payload.Image{URL: media.Redact(s.URL), SHA256: s.Checksum, Size: -1}}
	if s.Checksum == "" {
		sel.Warnings = append(sel.Warnings, "the image "+sel.Image.URL+" is unpacked as it comes: liveimg --checksum= would have it checked")
	}
	return sel
}

// Resolve implements payload.Payload: it finds the image, what it is and how large.
func (p *Payload) Resolve(ctx context.Context, r payload.Request) (*payload.Selection, error) {
	sel := Selection(p.Source)
	im := sel.Image
	fail := func(err error) (*payload.Selection, error) {
		return nil, fmt.Errorf("look at the image %s: %w", im.URL, err)
	}
	in, name, disc, err := p.open(ctx, p.Disc1, false)
	if err != nil {
		return fail(err)
	}
	defer in.Close()
	file, err := in.Open(ctx, name)
	if err != nil {
		return fail(err)
	}
	defer file.Close()
	if im.Size, err = file.Size(ctx); err != nil {
		return fail(err)
	}
	if im.Kind, err = kindOf(ctx, file); err != nil {
		return fail(err)
	}
	im.Disc, im.Installed = disc, installedSize(im.Kind, im.Size)
	if im.Size < 0 {
		sel.Warnings = append(sel.Warnings, "the server doesn't say how large the image "+im.URL+" is: whether it fits isn't known before it is there")
	}
	if len(r.Extra) > 0 {
		sel.Warnings = append(sel.Warnings, "the image must bring what the disks' layout needs: "+strings.Join(r.Extra, ", "))
	}
	return sel, nil
}

// open gives the tree that the image is in, its name there, and the disc it is on: 0 when that
// isn't one. A patient tree goes on when a server has to be started anew.
func (p *Payload) open(ctx context.Context, disc1 fetch.Tree, patient bool) (in fetch.Tree, name string, disc int, err error) {
	src, err := media.ParseSource(p.Source.URL)
	switch {
	case err != nil:
		return nil, "", 0, err
	case src.Scheme == "file":
		return p.openFile(ctx, path.Clean(src.Path), disc1)
	case src.URL == "":
		return nil, "", 0, fmt.Errorf("images come by http, https, ftp or file, not by %s", src.Scheme)
	}
	tree, err := fetch.Open(ctx, src, p.Options)
	if err == nil && patient {
		tree = fetch.NewMirrors([]fetch.Tree{tree}, patience, nil)
	}
	return tree, "", 0, err
}

// mediumAlias is where Anaconda has the medium mounted, so that its users' files say so.
const mediumAlias = "/run/install/repo/"

// openFile finds a file in the installer's own system, where a %pre script could have mounted
// something, or else on the medium.
func (p *Payload) openFile(ctx context.Context, name string, disc1 fetch.Tree) (fetch.Tree, string, int, error) {
	info, err := os.Stat(name)
	if err == nil && info.Mode().IsRegular() {
		return fetch.Dir(filepath.Dir(name)), filepath.Base(name), 0, nil
	}
	if disc1 == nil {
		return nil, "", 0, cmp.Or(err, error(fs.ErrInvalid))
	}
	onDisc := strings.TrimPrefix(strings.TrimPrefix(name, strings.TrimSuffix(mediumAlias, "/")), "/")
	file, err := disc1.Open(ctx, onDisc)
	if err != nil {
		return nil, "", 0, fmt.Errorf("there is no file %s in the installer's system, and on the medium: %w", name, err)
	}
	return unclosed{disc1}, onDisc, 1, file.Close()
}

// unclosed is a tree that somebody else closes.
type unclosed struct{ fetch.Tree }

func (unclosed) Close() error { return nil }

// kindAt is kindOf a file of this machine.
func kindAt(ctx context.Context, name string) (string, error) {
	file, err := fetch.Dir(filepath.Dir(name)).Open(ctx, filepath.Base(name))
	if err != nil {
		return "", err
	}
	defer file.Close()
	kind, err := kindOf(ctx, file)
	if err != nil {
		return "", fmt.Errorf("look at %s in it: %w", filepath.Base(name), err)
	}
	return kind, nil
}

// kindOf tells an image by its first bytes.
func kindOf(ctx context.Context, file fetch.File) (string, error) {
	r, err := file.Stream(ctx, 0)
	if err != nil {
		return "", err
	}
	defer r.Close()
	head := make([]byte, 2048)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return "", err
	}
	head = head[:n]
	for _, k := range kinds() {
		if len(head) >= k.at+len(k.magic) && string(head[k.at:k.at+len(k.magic)]) == k.magic {
			return k.name, nil
		}
	}
	return "", errors.New("it is neither a tar archive (plain, gzip, xz or zstd) nor a file system (squashfs, ext4, XFS); an image of a whole disk can't be used")
}

// kind is one kind of image.
type kind struct {
	name   string
	at     int // where its mark is
	magic  string
	growth int64 // how many times larger what is unpacked is; as people's images are, roughly
}

// kinds are by the first bytes that tell them: RFC 1952, the formats' own descriptions, and of file systems
// the kernel's include/uapi/linux/magic.h. What is compressed is taken for an archive.
func kinds() []kind {
	return []kind{
		{"tar.gz", 0, "\x1f\x8b", 3}, {"tar.xz", 0, "\xfd7zXZ\x00", 5}, {"tar.zst", 0, "\x28\xb5\x2f\xfd", 4}, {"tar", 257, "ustar", 1},
		{"squashfs", 0, "hsqs", 3}, {"ext4", 1024 + 56, "\x53\xef", 1}, {"xfs", 0, "XFSB", 1},
	}
}

// installedSize is about what an image becomes. Kickstart has no word for it, and archives don't say.
func installedSize(name string, size int64) int64 {
	for _, k := range kinds() {
		if k.name == name && size > 0 {
			return size * k.growth
		}
	}
	return 0
}
