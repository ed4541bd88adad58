package deb

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"github.com/molt-installer/molt/stage2/host"
	"github.com/molt-installer/molt/stage2/payload"
)

// bootstrap gets an empty target to the point where maintainer scripts can run:
// the essential packages and what they depend on are extracted, and then
// installed all at once with their dependencies, which are circular, taken on
// trust. The way is debootstrap's and mmdebstrap's.
func (p *Payload) bootstrap(ctx context.Context, sel *payload.Selection, target string, w *watcher) error {
	data, err := os.ReadFile(p.work("repo/dists", p.catalog.Suite, p.catalog.Component, "binary-"+p.Build.Set.Arch, "Packages.gz"))
	if err != nil {
		return err
	}
	x, err := readIndex(data)
	if err != nil {
		return err
	}
	set := x.closure(sel)
	if err := p.extract(ctx, set, target); err != nil {
		return err
	}
	if err := newPathFilter(sel.Paths).sweep(target); err != nil {
		return fmt.Errorf("leave out of the first packages what is not wanted: %w", err)
	}
	if err := quiet(target); err != nil {
		return fmt.Errorf("prepare the target for maintainer scripts: %w", err)
	}
	if len(set) == 0 {
		return nil
	}
	args := append([]string{"dpkg", "--status-fd=3", "--force-depends"}, dpkgOptions(sel, target)...)
	args = append(args, "--install")
	for _, k := range set {
		args = append(args, fetched(target, k))
	}
	w.span(len(set))
	return p.watched(ctx, args, w)
}

func fetched(target string, k payload.Package) string {
	return filepath.Join(target, setDir, discDir(k.Disc), k.Path)
}

// closure are the essential packages of a selection and all they depend on,
// base-files first: it has the links /bin to /usr/bin and so on.
func (x *index) closure(sel *payload.Selection) []payload.Package {
	has := map[string][]record{} // by name and by what is provided
	var todo []record
	for _, k := range sel.Packages {
		r, ok := x.find(k.Name, k.Version)
		if !ok {
			continue
		}
		for _, name := range append(r.provides, r.Name) {
			has[name] = append(has[name], r)
		}
		if r.Essential {
			todo = append(todo, r)
		}
	}
	in := map[string]bool{}
	var set []payload.Package
	for len(todo) > 0 {
		r := todo[0]
		todo = todo[1:]
		if in[r.Name] {
			continue
		}
		in[r.Name] = true
		set = append(set, r.Package)
		for _, name := range r.depends {
			todo = append(todo, has[name]...)
		}
	}
	slices.SortFunc(set, func(a, b payload.Package) int {
		if first := b2i(b.Name == "base-files") - b2i(a.Name == "base-files"); first != 0 {
			return first
		}
		return inDiscOrder(a, b)
	})
	return set
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// extract unpacks the first package, and then the others on all processors.
func (p *Payload) extract(ctx context.Context, set []payload.Package, target string) error {
	if len(set) == 0 {
		return nil
	}
	if err := p.extractOne(ctx, set[0], target); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	work := make(chan payload.Package)
	var wg sync.WaitGroup
	for range runtime.NumCPU() {
		wg.Go(func() {
			for k := range work {
				if err := p.extractOne(ctx, k, target); err != nil {
					cancel(err)
				}
			}
		})
	}
	for _, k := range set[1:] {
		if ctx.Err() != nil {
			break
		}
		work <- k
	}
	close(work)
	wg.Wait()
	return context.Cause(ctx)
}

func (p *Payload) extractOne(ctx context.Context, k payload.Package, target string) error {
	err := p.Commands.Run(ctx, host.Command{Args: []string{"dpkg-deb", "--extract", fetched(target, k), target}})
	if err != nil {
		return fmt.Errorf("extract %s: %w", k.Name, err)
	}
	return nil
}
