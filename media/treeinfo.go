package media

import (
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// TreeInfoPath is where a tree says what is where, relative to its root.
const TreeInfoPath = ".treeinfo"

// TreeInfo is a .treeinfo file, in the ini form of Anaconda and productmd.
// Paths are relative to the tree's root.
type TreeInfo struct {
	Family    string            // "Debian"
	Version   string            // "13"
	Arch      string            // "amd64"
	Variant   string            // optional
	Timestamp int64             // seconds since 1970; 0 for none
	Disc      int               // number of this disc; 0 for none
	Discs     int               // how many there are; 0 for none
	Kernel    string            // of section images-<Arch>; empty when the tree has none
	Initrd    string            // of section images-<Arch>
	MainImage string            // of section stage2
	Checksums map[string]string // path → SHA-256, lower-case hex
}

// ParseTreeInfo reads a .treeinfo. Sections and keys it doesn't know are
// passed over, since the format has many; what it does know must be right. An
// error names the line.
func ParseTreeInfo(data []byte) (TreeInfo, error) {
	ini, err := parseINI(data)
	if err != nil {
		return TreeInfo{}, fmt.Errorf(".treeinfo %w", err)
	}
	t, err := ini.treeInfo()
	if err != nil {
		return TreeInfo{}, fmt.Errorf(".treeinfo %w", err)
	}
	return t, nil
}

func (f iniFile) treeInfo() (t TreeInfo, err error) {
	texts := []struct {
		field    *string
		key      string
		required bool
	}{{&t.Family, "family", true}, {&t.Version, "version", true}, {&t.Arch, "arch", true}, {&t.Variant, "variant", false}}
	for _, x := range texts {
		e := f["general"][x.key]
		if x.required && e.value == "" {
			return t, fmt.Errorf("section [general]: %s is missing", x.key)
		}
		*x.field = e.value
	}
	if err := f.numbers(&t); err != nil {
		return t, err
	}
	if err := f.paths(&t); err != nil {
		return t, err
	}
	t.Checksums, err = f.checksums()
	return t, err
}

func (f iniFile) numbers(t *TreeInfo) error {
	var disc, discs int64
	for _, x := range []struct {
		field *int64
		key   string
	}{{&t.Timestamp, "timestamp"}, {&disc, "discnum"}, {&discs, "totaldiscs"}} {
		e, ok := f["general"][x.key]
		if !ok || e.value == "" {
			continue
		}
		whole, _, _ := strings.Cut(e.value, ".") // Anaconda's timestamps have a fraction
		n, err := strconv.ParseInt(whole, 10, 64)
		if err != nil || n < 0 || n > 1<<48 {
			return fmt.Errorf("line %d: %s %q is no number", e.line, x.key, e.value)
		}
		*x.field = n
	}
	if discs > 0 && disc > discs {
		return fmt.Errorf("line %d: disc %d of %d", f["general"]["discnum"].line, disc, discs)
	}
	t.Disc, t.Discs = int(disc), int(discs)
	return nil
}

func (f iniFile) paths(t *TreeInfo) error {
	images := "images-" + t.Arch
	for _, x := range []struct {
		field        *string
		section, key string
	}{{&t.Kernel, images, "kernel"}, {&t.Initrd, images, "initrd"}, {&t.MainImage, "stage2", "mainimage"}} {
		e, ok := f[x.section][x.key]
		if !ok {
			continue
		}
		if !fs.ValidPath(e.value) {
			return fmt.Errorf("line %d: %q is no path relative to the tree's root", e.line, e.value)
		}
		*x.field = e.value
	}
	return nil
}

// checksums takes SHA-256 only; older trees have other kinds, which prove nothing.
func (f iniFile) checksums() (map[string]string, error) {
	sums := map[string]string{}
	for path, e := range f["checksums"] {
		if !fs.ValidPath(path) {
			return nil, fmt.Errorf("line %d: %q is no path relative to the tree's root", e.line, path)
		}
		kind, sum, ok := strings.Cut(e.value, ":")
		raw, err := hex.DecodeString(sum)
		if !ok || kind != "sha256" || err != nil || len(raw) != 32 {
			return nil, fmt.Errorf("line %d: %q is no checksum of the form sha256:<64 hex digits>", e.line, e.value)
		}
		sums[path] = strings.ToLower(sum)
	}
	if len(sums) == 0 {
		return nil, nil
	}
	return sums, nil
}

// String is the whole file; it depends on nothing but t.
func (t TreeInfo) String() string {
	var b strings.Builder
	section := func(name string, pairs ...string) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i+1] == "" {
				continue
			}
			if name != "" {
				fmt.Fprintf(&b, "[%s]\n", name)
				name = ""
			}
			fmt.Fprintf(&b, "%s = %s\n", pairs[i], pairs[i+1])
		}
		if name == "" {
			b.WriteString("\n")
		}
	}
	section("general", "family", t.Family, "version", t.Version, "arch", t.Arch, "variant", t.Variant,
		"timestamp", number(t.Timestamp), "discnum", number(int64(t.Disc)), "totaldiscs", number(int64(t.Discs)))
	section("images-"+t.Arch, "kernel", t.Kernel, "initrd", t.Initrd)
	section("stage2", "mainimage", t.MainImage)
	var sums []string
	for _, path := range slices.Sorted(maps.Keys(t.Checksums)) {
		sums = append(sums, path, "sha256:"+t.Checksums[path])
	}
	section("checksums", sums...)
	return strings.TrimSuffix(b.String(), "\n")
}

func number(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}
