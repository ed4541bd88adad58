package initramfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/molt-installer/molt/internal/modinfo"
)

// module is one that goes into the archive, or might.
type module struct {
	modinfo.Info
	path   string // "drivers/ata/ahci", below kernel/ and without suffix
	file   string // on the host
	stored []byte // as on disk
	plain  []byte // uncompressed
}

// moduleTree is a kernel's modules on the host, by the kernel's name of them.
// Modules are read when they are asked for.
type moduleTree struct {
	version string
	root    string
	files   map[string]string // name → path below root/kernel
	builtin map[string]bool   // names that are part of the kernel itself
}

func openModules(root string) (*moduleTree, error) {
	t := &moduleTree{version: filepath.Base(root), root: root, files: map[string]string{}, builtin: map[string]bool{}}
	top := filepath.Join(root, "kernel")
	err := filepath.WalkDir(top, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.Contains(d.Name(), ".ko") {
			return err
		}
		rel, err := filepath.Rel(top, p)
		t.files[modinfo.Name(p)] = rel
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the kernel modules (is %s an unpacked /lib/modules/<version>?): %w", root, err)
	}
	data, err := os.ReadFile(filepath.Join(root, "modules.builtin"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, line := range strings.Fields(string(data)) {
		t.builtin[modinfo.Name(line)] = true
	}
	return t, nil
}

// read reads the named module.
func (t *moduleTree) read(name string) (*module, error) {
	rel, ok := t.files[name]
	if !ok {
		return nil, fmt.Errorf("kernel %s has no module %s", t.version, name)
	}
	m := &module{file: filepath.Join(t.root, "kernel", rel)}
	m.path, _, _ = strings.Cut(rel, ".ko")
	var err error
	if m.stored, m.plain, err = modinfo.ReadFile(m.file); err != nil {
		return nil, err
	}
	if m.Info, err = modinfo.Read(m.plain); err != nil {
		return nil, fmt.Errorf("read what module %s says about itself: %w", m.file, err)
	}
	m.Name = modinfo.Name(m.file)
	return m, nil
}

// pick returns the names s selects, sorted, and the patterns that select nothing.
func (t *moduleTree) pick(s selection) (names, unused []string) {
	used := map[string]bool{}
	for name, rel := range t.files {
		path, _, _ := strings.Cut(rel, ".ko")
		if s.has(path, used) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, s.unused(used)
}

// closure reads the named modules and all they depend on. A soft dependency
// that the kernel doesn't have is left out, as modprobe does.
func (t *moduleTree) closure(ctx context.Context, names []string) (map[string]*module, error) {
	all := map[string]*module{}
	for len(names) > 0 {
		batch, err := t.readAll(ctx, names)
		if err != nil {
			return nil, err
		}
		for _, m := range batch {
			all[m.Name] = m
		}
		names = t.missing(batch, all)
	}
	return all, nil
}

// missing are the modules that batch needs and all lacks.
func (t *moduleTree) missing(batch []*module, all map[string]*module) []string {
	var names []string
	want := func(name string, must bool) {
		name = strings.ReplaceAll(name, "-", "_")
		_, there := t.files[name]
		if all[name] == nil && !t.builtin[name] && (must || there) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, m := range batch {
		for _, d := range m.Depends {
			want(d, true)
		}
		for _, line := range m.Soft {
			for _, word := range strings.Fields(line) {
				want(word, false)
			}
		}
	}
	return names
}

// readAll reads modules on all processors: almost all of the time goes to
// uncompressing them.
func (t *moduleTree) readAll(ctx context.Context, names []string) ([]*module, error) {
	mods := make([]*module, len(names))
	errs := make([]error, len(names))
	limit := make(chan struct{}, parallel())
	var wg sync.WaitGroup
	for i, name := range names {
		wg.Add(1)
		limit <- struct{}{}
		go func() {
			defer wg.Done()
			defer func() { <-limit }()
			if errs[i] = ctx.Err(); errs[i] == nil {
				mods[i], errs[i] = t.read(name)
			}
		}()
	}
	wg.Wait()
	return mods, errors.Join(errs...)
}

// addModules adds the selected modules, what they depend on, and their indexes.
func (c Config) addModules(ctx context.Context, t *tree, r *Report) error {
	if c.Modules == "" {
		return nil
	}
	mt, err := openModules(c.Modules)
	if err != nil {
		return err
	}
	names, unused := mt.pick(compile(orDefault(c.Select, DefaultModules)))
	mods, err := mt.closure(ctx, names)
	if err != nil {
		return err
	}
	r.Kernel, r.Count, r.Unmatched = mt.version, len(mods), unused
	top := "lib/modules/" + mt.version + "/"
	plain := compile(orDefault(c.Plain, BootModules))
	for _, m := range mods {
		data := m.stored
		if plain.has(m.path, nil) {
			data = m.plain
		}
		t.file(top+m.archived(plain), data, 0o644)
	}
	for name, data := range indexes(mods, plain, mt.builtin) {
		t.file(top+name, data, 0o644)
	}
	r.Modules = t.size(top)
	return c.addFirmware(mods, t, r)
}

// archived is m's path in the archive, below the tree of its kernel.
func (m *module) archived(plain selection) string {
	if plain.has(m.path, nil) {
		return "kernel/" + m.path + ".ko"
	}
	_, suffix, _ := strings.Cut(filepath.Base(m.file), ".ko")
	return "kernel/" + m.path + ".ko" + suffix
}

func orDefault(list []string, def func() []string) []string {
	if list == nil {
		return def()
	}
	return list
}
