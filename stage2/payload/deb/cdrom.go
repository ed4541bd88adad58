package deb

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"github.com/molt-installer/molt/stage2/host"
	"github.com/molt-installer/molt/stage2/payload"
)

// knownDisc is what apt keeps of a disc that it has seen (apt-cdrom(8)).
type knownDisc struct {
	ID        string `json:"id"`    // of the disc in the drive
	Label     string `json:"label"` // by which apt asks for it
	InRelease string `json:"in_release"`
	Packages  string `json:"packages"`
}

// diskInfo is where a disc has its name for apt.
const diskInfo = ".disk/info"

// meet learns what apt on the target is to know of a disc, while it is in. It
// takes the place of "apt-cdrom add", which needs gpgv, looks through the whole
// disc, and knows no signed-by; only what tells one disc from another is asked of
// apt-cdrom. A disc that apt can't use is none the less good for the installation:
// that is a warning.
func (p *Payload) meet(ctx context.Context, f payload.Fetch) error {
	if !hasPackage(f.Selection, "apt") || len(p.mirrors()) > 0 || p.Whole || f.Root == "" {
		return nil
	}
	known, err := p.look(ctx, f)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, syscall.EIO):
		return &DiscError{Disc: f.Disc, Item: "the package list", Err: err}
	case err != nil:
		f.Progress.Warn(fmt.Sprintf("the new system will not know disc %d until apt-cdrom add is run there: %v", f.Disc, err))
		return nil
	}
	data, err := json.Marshal(known)
	if err != nil {
		return err
	}
	return writeFiles(p.WorkDir, map[string]string{knownName(f.Disc): string(data)})
}

func knownName(disc int) string { return filepath.Join("known", discDir(disc)+".json") }

func (p *Payload) look(ctx context.Context, f payload.Fetch) (*knownDisc, error) {
	info, err := os.ReadFile(filepath.Join(f.Root, diskInfo))
	if err != nil {
		return nil, err
	}
	inRelease, err := os.ReadFile(filepath.Join(f.Root, "dists", p.catalog.Suite, "InRelease"))
	if err != nil {
		return nil, err
	}
	known := &knownDisc{Label: discLabel(string(info)), InRelease: string(inRelease)}
	if known.Packages, err = p.packagesOf(f.Disc); err != nil {
		return nil, err
	}
	// The merged index is vouched for, the disc's own isn't: they must be the same.
	file, err := releaseFile(inRelease, p.packagesName())
	if err != nil {
		return nil, fmt.Errorf("its InRelease: %w", err)
	}
	if file.SHA256 != digest([]byte(known.Packages)) {
		return nil, errors.New("its package list is not the one of the set")
	}
	known.ID, err = p.discID(ctx, f.Root)
	return known, err
}

// discLabel is the name as apt writes it: its first line, without what has a
// meaning in sources.list(5).
func discLabel(info string) string {
	line, _, _ := strings.Cut(info, "\n")
	return strings.NewReplacer(`"`, "_", "[", "_", "]", "_").Replace(strings.TrimSpace(line))
}

// packagesName is the package list's place below dists/SUITE.
func (p *Payload) packagesName() string {
	return path.Join(p.catalog.Component, "binary-"+p.Build.Set.Arch, "Packages")
}

// packagesOf is the part of the merged index that is about one disc, with the
// names of files as they are there.
func (p *Payload) packagesOf(disc int) (string, error) {
	zipped, err := os.ReadFile(p.work("repo/dists", p.catalog.Suite, p.packagesName()+".gz"))
	if err != nil {
		return "", err
	}
	z, err := gzip.NewReader(bytes.NewReader(zipped))
	if err != nil {
		return "", err
	}
	data, err := io.ReadAll(z)
	if err != nil {
		return "", err
	}
	const field = "\nFilename: "
	var b strings.Builder
	for stanza := range strings.SplitSeq(string(data), "\n\n") {
		if before, after, ok := strings.Cut(stanza, field+discDir(disc)+"/"); ok {
			b.WriteString(before + field + after + "\n\n")
		}
	}
	return b.String(), nil
}

// discID asks apt what tells this disc from others: a digest of its directory
// and size, and the version of how it is made.
func (p *Payload) discID(ctx context.Context, root string) (string, error) {
	id := ""
	found := regexp.MustCompile(`\[([0-9a-f]{32}-[0-9]+)\]`)
	err := p.Commands.Run(ctx, host.Command{
		Args: []string{"apt-cdrom", "--no-mount", "--cdrom", root, "ident"},
		Env:  []string{"APT_CONFIG=" + p.work("apt.conf")},
		Line: func(l string) {
			if m := found.FindStringSubmatch(l); m != nil {
				id = m[1]
			}
		},
	})
	if err == nil && id == "" {
		err = errors.New("apt-cdrom doesn't identify it")
	}
	return id, err
}

// known are the discs that were met, by number.
func (p *Payload) known() (map[int]knownDisc, error) {
	all := map[int]knownDisc{}
	for n := 1; n <= p.Build.Set.Discs; n++ {
		data, err := os.ReadFile(p.work(knownName(n)))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		var k knownDisc
		if err := json.Unmarshal(data, &k); err != nil {
			return nil, fmt.Errorf("read what is known of disc %d: %w", n, err)
		}
		all[n] = k
	}
	return all, nil
}

// listName is apt's name for a file of a disc below /var/lib/apt/lists (the
// package library's URItoFileName).
func listName(label, file string) string {
	var b strings.Builder
	for _, c := range []byte(label + "/" + file) {
		switch {
		case c == '/':
			b.WriteByte('_')
		case c <= ' ' || c >= 0x7f || strings.IndexByte(`\|{}[]<>"^~_=!@#$%&*`, c) >= 0:
			fmt.Fprintf(&b, "%%%02x", c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
