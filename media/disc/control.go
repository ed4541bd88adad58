package disc

import (
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"
)

// stanza is one paragraph of a Packages file, as deb822(5) describes it.
type stanza string

// get returns the value of a field's first line.
func (s stanza) get(field string) string {
	rest := string(s)
	for rest != "" {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		if name, value, ok := strings.Cut(line, ":"); ok && strings.EqualFold(name, field) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// with replaces the first line of a field, which must be a single line.
func (s stanza) with(field, value string) stanza {
	lines := strings.Split(string(s), "\n")
	for i, line := range lines {
		if name, _, ok := strings.Cut(line, ":"); ok && strings.EqualFold(name, field) {
			lines[i] = name + ": " + value
			return stanza(strings.Join(lines, "\n"))
		}
	}
	return stanza(string(s) + "\n" + field + ": " + value)
}

// pkg is a package of the archive, and where its file is.
type pkg struct {
	Name, Version, Arch string
	Path                string // in a repository: "pool/main/h/hello/hello_2.10-3_amd64.deb"
	SHA256              string
	Size                int64 // bytes
	Installed           int64 // bytes
	stanza              stanza
}

// key names a package as apt's file names do.
func (p pkg) key() string { return p.Name + "_" + p.Version + "_" + p.Arch }

// file is the name of the package's file in apt's cache: a colon is the only
// character of a version that apt quotes (apt-pkg's QuoteString).
func (p pkg) file() string { return strings.ReplaceAll(p.key(), ":", "%3a") + ".deb" }

func newPkg(s stanza) (pkg, error) {
	p := pkg{
		Name: s.get("Package"), Version: s.get("Version"), Arch: s.get("Architecture"),
		Path: path.Clean(s.get("Filename")), SHA256: s.get("SHA256"), stanza: s,
	}
	var err error
	if p.Size, err = strconv.ParseInt(s.get("Size"), 10, 64); err != nil {
		return p, fmt.Errorf("size of package %s: %w", p.Name, err)
	}
	if kib := s.get("Installed-Size"); kib != "" {
		if p.Installed, err = strconv.ParseInt(kib, 10, 64); err != nil {
			return p, fmt.Errorf("installed size of package %s: %w", p.Name, err)
		}
	}
	p.Installed *= 1024 // Debian Policy, 5.6.20: in units of 1024 bytes
	if p.SHA256 == "" {
		return p, fmt.Errorf("package %s has no SHA256 in its index", p.Name)
	}
	return p, nil
}

// index is the packages of several Packages files by key, unparsed.
type index map[string]stanza

// readIndex reads Packages files.
func readIndex(paths []string) (index, error) {
	ix := index{}
	for _, p := range paths {
		data, err := os.ReadFile(p)
		if err != nil {
			return nil, fmt.Errorf("read a package list: %w", err)
		}
		ix.add(string(data))
	}
	return ix, nil
}

func (ix index) add(text string) {
	for text != "" {
		var one string
		one, text, _ = strings.Cut(text, "\n\n")
		s := stanza(strings.Trim(one, "\n"))
		if s == "" {
			continue
		}
		ix[s.get("Package")+"_"+s.get("Version")+"_"+s.get("Architecture")] = s
	}
}

// essential lists the names of packages that are marked so.
func (ix index) essential() []string {
	var names []string
	for _, s := range ix {
		if strings.EqualFold(s.get("Essential"), "yes") {
			names = append(names, s.get("Package"))
		}
	}
	return unique(names)
}
