package disc

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// repository is the metadata of a Debian repository, see
// https://wiki.debian.org/DebianRepository/Format.
type repository struct {
	distro *Distro
	label  string // "Debian 13 disc 1"
	date   time.Time
}

// files returns the repository's files below dists/, by path: for pkgs, whose
// paths get a prefix.
func (r repository) files(pkgs []pkg, prefix string, key *buildKey) (map[string][]byte, error) {
	packages := []byte(packagesFile(pkgs, prefix))
	zipped, err := gzipped(packages)
	if err != nil {
		return nil, err
	}
	binary := r.distro.Archive.Component + "/binary-" + r.distro.Arch
	indexes := map[string][]byte{binary + "/Packages": packages, binary + "/Packages.gz": zipped}
	release := []byte(r.release(indexes))
	signed, err := key.clearsign(release)
	if err != nil {
		return nil, err
	}
	detached, err := key.detach(release)
	if err != nil {
		return nil, err
	}
	suite := "dists/" + r.distro.Archive.Suite + "/"
	out := map[string][]byte{suite + "Release": release, suite + "Release.gpg": detached, suite + "InRelease": signed}
	for name, data := range indexes {
		out[suite+name] = data
	}
	return out, nil
}

// packagesFile lists pkgs, sorted by name as everywhere.
func packagesFile(pkgs []pkg, prefix string) string {
	sorted := slices.Clone(pkgs)
	slices.SortFunc(sorted, func(a, b pkg) int { return strings.Compare(a.key(), b.key()) })
	var text strings.Builder
	for _, p := range sorted {
		text.WriteString(string(p.stanza.with("Filename", prefix+p.Path)) + "\n\n")
	}
	return text.String()
}

func (r repository) release(indexes map[string][]byte) string {
	var text strings.Builder
	ar := r.distro.Archive
	fmt.Fprintf(&text, "Origin: %s\nLabel: %s\nSuite: %s\nCodename: %s\nVersion: %s\nDate: %s\nArchitectures: %s\nComponents: %s\nDescription: %s\nSHA256:\n",
		r.distro.Product, r.label, ar.Suite, ar.Suite, r.distro.Version,
		r.date.UTC().Format("Mon, 02 Jan 2006 15:04:05 UTC"), r.distro.Arch, ar.Component, r.label)
	for _, name := range slices.Sorted(maps.Keys(indexes)) {
		fmt.Fprintf(&text, " %s %d %s\n", hexSum(indexes[name]), len(indexes[name]), name)
	}
	return text.String()
}

// gzipped compresses without a time or a name in the header.
func gzipped(data []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, fmt.Errorf("compress a package list: %w", err)
	}
	if _, err := w.Write(data); err != nil {
		return nil, fmt.Errorf("compress a package list: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("compress a package list: %w", err)
	}
	return out.Bytes(), nil
}
