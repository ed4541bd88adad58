package reach

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/molt-installer/molt/internal/bootargs"
	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/media/fetch"
)

// How long a server may send nothing, and how long servers are asked again when
// none answers: as long as it takes to restart one.
const (
	serverStall    = 20 * time.Second
	serverPatience = 5 * time.Minute
)

// medium implements plan.Medium for what stage 1 found.
type medium struct {
	found   handoff.Medium
	outside string // stage 1's root
	options fetch.Options
	tell    func(string)
	// patience is how long servers are asked again when none answers.
	patience time.Duration
}

func newMedium(r handoff.Record, outside string, o bootargs.Options, tell func(string)) *medium {
	options := ServerOptions(r, o)
	options.Tell = func(e fetch.Event) { tell(e.File + ": " + e.What) }
	if t := r.Medium.Transfer; t != nil {
		options.Proxy = cmp.Or(t.Proxy, options.Proxy)
		options.NoVerify = options.NoVerify || t.NoVerify
		if t.Client != "" {
			if pair, err := tls.LoadX509KeyPair(t.Client, t.Client); err == nil {
				options.Client = &pair
			} else {
				tell("the certificate for " + r.Medium.URL + ": " + err.Error())
			}
		}
	}
	return &medium{found: r.Medium, outside: outside, tell: tell, options: options, patience: serverPatience}
}

// ServerOptions are how servers are asked, by what the boot options say.
func ServerOptions(r handoff.Record, o bootargs.Options) fetch.Options {
	return fetch.Options{Proxy: o.Proxy, NoVerify: o.NoVerifySSL, CA: fetch.Authorities(r.CA), Stall: serverStall}
}

// Tree implements plan.Medium.
func (m *medium) Tree(ctx context.Context, disc int) (fetch.Tree, string, error) {
	f := m.found
	switch {
	case len(f.Sources) > 0:
		tree, err := m.servers(ctx, disc)
		return tree, "", err
	case disc > 1 && f.Images != "":
		return &imageTree{in: fetch.Dir(m.outside + f.Images), name: imageName(disc)}, "", nil
	}
	root := m.outside + f.Mount
	return fetch.Dir(root), root, nil
}

func imageName(disc int) string { return fmt.Sprintf("disc%d.iso", disc) }

// servers is one tree of all servers that have the disc.
func (m *medium) servers(ctx context.Context, disc int) (fetch.Tree, error) {
	var trees []fetch.Tree
	var errs []error
	for _, url := range m.found.Sources {
		tree, err := m.server(ctx, url, disc)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		trees = append(trees, tree)
	}
	if len(trees) == 0 {
		return nil, errors.Join(errs...)
	}
	return fetch.NewMirrors(trees, m.patience, m.tell), nil
}

func (m *medium) server(ctx context.Context, url string, disc int) (fetch.Tree, error) {
	if !strings.HasSuffix(url, ".iso") {
		return m.open(ctx, url)
	}
	// Images are beside each other.
	dir, name := path.Split(url)
	if disc > 1 {
		name = imageName(disc)
	}
	beside, err := m.open(ctx, dir)
	if err != nil {
		return nil, err
	}
	return &imageTree{in: beside, name: name}, nil
}

func (m *medium) open(ctx context.Context, url string) (fetch.Tree, error) {
	src, err := media.ParseSource(url)
	if err != nil {
		return nil, err
	}
	return fetch.Open(ctx, src, m.options)
}

// imageTree is the files in an ISO image in another tree, which it closes. The image is
// opened when a file is wanted, so that a server that is down just then is one that is asked
// again, like for any other file.
type imageTree struct {
	in   fetch.Tree
	name string

	mu    sync.Mutex
	files fetch.Tree
}

// Open implements fetch.Tree.
func (t *imageTree) Open(ctx context.Context, name string) (fetch.File, error) {
	files, err := t.image(ctx)
	if err != nil {
		return nil, err
	}
	return files.Open(ctx, name)
}

func (t *imageTree) image(ctx context.Context) (fetch.Tree, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.files != nil {
		return t.files, nil
	}
	file, err := t.in.Open(ctx, t.name)
	if err != nil {
		return nil, err
	}
	files, err := fetch.ISO(ctx, file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	t.files = files
	return files, nil
}

// String implements fetch.Tree.
func (t *imageTree) String() string { return strings.TrimSuffix(t.in.String(), "/") + "/" + t.name }

// Close implements fetch.Tree.
func (t *imageTree) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.files == nil {
		return t.in.Close()
	}
	return errors.Join(t.files.Close(), t.in.Close())
}
