// Package modules finds and loads the kernel modules a device asks for.
//
// An Index is what depmod's text files say: which module fits which modalias,
// and what must be loaded before it. It is pure. A Loader puts modules into the
// kernel, each once, several at a time. Modules are never unloaded, options in
// /etc/modprobe.d are not read, and blacklists don't exist: an installer has
// only the modules it wants. (u-root's kmodule knows no aliases and uncompresses
// in Go, which takes longer than letting the kernel do it.)
package modules

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Index knows the modules of one kernel. It doesn't change once read.
type Index struct {
	modules map[string]*module // by name
	aliases map[string][]alias // by what stands before the first ':' or wild card
	builtin map[string]bool
}

type module struct {
	file string   // below the module tree: "kernel/drivers/ata/ahci.ko"
	deps []string // files, in order of loading
	pre  []string // soft dependencies, names or aliases
	post []string
}

type alias struct{ pattern, module string }

// Read reads the index of the module tree dir, "lib/modules/<version>":
// modules.dep must be there; modules.alias, modules.softdep and modules.builtin
// can be missing.
func Read(dir fs.FS) (*Index, error) {
	x := &Index{modules: map[string]*module{}, aliases: map[string][]alias{}, builtin: map[string]bool{}}
	for _, part := range []struct {
		name     string
		add      func(string)
		optional bool
	}{
		{"modules.dep", x.addDep, false},
		{"modules.alias", x.addAlias, true},
		{"modules.softdep", x.addSoftdep, true},
		{"modules.builtin", x.addBuiltin, true},
	} {
		err := eachLine(dir, part.name, part.add)
		if part.optional && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read the index of kernel modules: %w", err)
		}
	}
	return x, nil
}

func eachLine(dir fs.FS, name string, add func(string)) error {
	f, err := dir.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return scan(f, add)
}

func scan(r io.Reader, add func(string)) error {
	s := bufio.NewScanner(r)
	for s.Scan() {
		if line := s.Text(); line != "" && line[0] != '#' {
			add(line)
		}
	}
	return s.Err()
}

// addDep takes "kernel/a/b.ko.xz: kernel/c.ko.xz kernel/d.ko.xz", in which every
// file stands before those it needs itself.
func (x *Index) addDep(line string) {
	file, rest, ok := strings.Cut(line, ":")
	if !ok {
		return
	}
	deps := strings.Fields(rest)
	slices.Reverse(deps)
	x.modules[nameOf(file)] = &module{file: file, deps: deps}
}

// addAlias takes "alias pci:v00008086d*sv* ata_piix".
func (x *Index) addAlias(line string) {
	f := strings.Fields(line)
	if len(f) != 3 || f[0] != "alias" {
		return
	}
	pattern := normal(f[1])
	key := bus(pattern)
	x.aliases[key] = append(x.aliases[key], alias{pattern, normal(f[2])})
}

// addSoftdep takes "softdep ext4 pre: crc32c post: x".
func (x *Index) addSoftdep(line string) {
	f := strings.Fields(line)
	if len(f) < 3 || f[0] != "softdep" {
		return
	}
	m := x.modules[normal(f[1])]
	if m == nil {
		return
	}
	var to *[]string
	for _, word := range f[2:] {
		switch {
		case word == "pre:":
			to = &m.pre
		case word == "post:":
			to = &m.post
		case to != nil:
			*to = append(*to, word)
		}
	}
}

func (x *Index) addBuiltin(line string) { x.builtin[nameOf(line)] = true }

// Names are the modules that s asks for: the one of that name, or all that have
// an alias s matches. A device that several modules fit gets all of them, as
// with modprobe. None are left for what is built into the kernel or unknown.
func (x *Index) Names(s string) []string {
	s = normal(s)
	if x.modules[s] != nil {
		return []string{s}
	}
	if x.builtin[s] {
		return nil
	}
	var names []string
	for _, key := range []string{bus(s), ""} {
		for _, a := range x.aliases[key] {
			if match(a.pattern, s) && x.modules[a.module] != nil && !slices.Contains(names, a.module) {
				names = append(names, a.module)
			}
		}
	}
	return names
}

// Files are the files to load for the named module, in order: soft
// dependencies, dependencies, the module, and what is to come after it.
func (x *Index) Files(name string) []string {
	var files []string
	x.walk(normal(name), map[string]bool{}, &files)
	return files
}

func (x *Index) walk(name string, seen map[string]bool, files *[]string) {
	m := x.modules[name]
	if m == nil || seen[name] {
		return
	}
	seen[name] = true
	for _, soft := range m.pre {
		for _, n := range x.Names(soft) {
			x.walk(n, seen, files)
		}
	}
	for _, d := range m.deps {
		x.walk(nameOf(d), seen, files)
	}
	*files = append(*files, m.file)
	for _, soft := range m.post {
		for _, n := range x.Names(soft) {
			x.walk(n, seen, files)
		}
	}
}

// nameOf is the kernel's name of the module in file.
func nameOf(file string) string {
	base, _, _ := strings.Cut(path.Base(file), ".ko")
	return normal(base)
}

// bus is what aliases are sorted by: all before the first colon. A pattern with
// a wild card there is sorted under "".
func bus(s string) string {
	i := strings.IndexAny(s, ":*?[")
	if i >= 0 && s[i] != ':' {
		return ""
	}
	before, _, _ := strings.Cut(s, ":")
	return before
}
