package deb

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/molt-installer/molt/stage2/payload"
)

// record is a package in an index (deb-src-control(5) and the wiki's
// DebianRepository/Format).
type record struct {
	payload.Package
	provides []string // names of virtual packages
	depends  []string // names in Pre-Depends and Depends, every alternative

	description string // its first line; empty when the index has none
}

// maxField is the longest line an index may have: Provides of the kernel and of
// Rust's packages run to some 100 KiB.
const maxField = 4 << 20

// stanzas calls f with each paragraph of a control file. Continuation lines
// are joined with a newline; of the name only the spelling given counts.
func stanzas(r io.Reader, f func(fields map[string]string) error) error {
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxField)
	fields, last := map[string]string{}, ""
	end := func() error {
		if len(fields) == 0 {
			return nil
		}
		err := f(fields)
		fields, last = map[string]string{}, ""
		return err
	}
	for n := 1; s.Scan(); n++ {
		line := s.Text()
		switch {
		case strings.TrimSpace(line) == "":
			if err := end(); err != nil {
				return err
			}
		case line[0] == ' ' || line[0] == '\t':
			if last == "" {
				return fmt.Errorf("line %d: continues nothing", n)
			}
			fields[last] += "\n" + strings.TrimSpace(line)
		default:
			name, value, ok := strings.Cut(line, ":")
			if !ok {
				return fmt.Errorf("line %d: no colon in %.40q", n, line)
			}
			last = name
			fields[last] = strings.TrimSpace(value)
		}
	}
	if err := s.Err(); err != nil {
		return err
	}
	return end()
}

// parseIndex reads a Packages file whose file names start with "discN/".
func parseIndex(r io.Reader) ([]record, error) {
	var all []record
	err := stanzas(r, func(f map[string]string) error {
		rec, err := toRecord(f)
		all = append(all, rec)
		return err
	})
	return all, err
}

func toRecord(f map[string]string) (record, error) {
	name := f["Package"]
	disc, file, err := splitDisc(f["Filename"])
	if err != nil {
		return record{}, fmt.Errorf("package %q: %w", name, err)
	}
	size, err := strconv.ParseInt(f["Size"], 10, 64)
	if err != nil || size < 0 {
		return record{}, fmt.Errorf("package %q: size %q", name, f["Size"])
	}
	kib, _ := strconv.ParseInt(f["Installed-Size"], 10, 64) // optional
	if name == "" || f["Version"] == "" || len(f["SHA256"]) != 64 {
		return record{}, fmt.Errorf("package %q: no name, version or digest", name)
	}
	about, _, _ := strings.Cut(f["Description"], "\n")
	return record{
		description: about,
		Package: payload.Package{
			Name: name, Version: f["Version"], Arch: f["Architecture"], Disc: disc, Path: file, Size: size,
			SHA256: strings.ToLower(f["SHA256"]), InstalledSize: max(kib, 0) * 1024, Essential: f["Essential"] == "yes",
		},
		provides: names(f["Provides"]),
		depends:  append(names(f["Pre-Depends"]), names(f["Depends"])...),
	}, nil
}

// splitDisc parts "disc2/pool/main/…" into 2 and the path on that disc.
func splitDisc(name string) (int, string, error) {
	first, rest, ok := strings.Cut(name, "/")
	number, isDisc := strings.CutPrefix(first, "disc")
	n, err := strconv.Atoi(number)
	if !ok || !isDisc || err != nil || n < 1 || path.Clean("/"+rest) != "/"+rest || rest == "" {
		return 0, "", errors.New("file name " + strconv.Quote(name) + " is not of the form discN/path")
	}
	return n, rest, nil
}

// names are the package names in a relation: "a (>= 1) | b:any, c" gives a, b, c.
func names(relation string) []string {
	var found []string
	for _, r := range strings.FieldsFunc(relation, func(c rune) bool { return c == ',' || c == '|' }) {
		name, _, _ := strings.Cut(strings.TrimSpace(r), " ")
		name, _, _ = strings.Cut(name, "(")
		name, _, _ = strings.Cut(name, ":")
		if name = strings.TrimSpace(name); name != "" {
			found = append(found, name)
		}
	}
	return found
}
