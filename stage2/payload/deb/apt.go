package deb

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/molt-installer/molt/media"
)

// aptConf is apt's whole configuration (apt.conf(5)): a private state, nothing of
// stage 2's own /etc/apt, no network, nothing that is not asked for. The clock
// of a machine without a system can't be trusted, so no date counts.
const aptConf = `Dir::State "@/state";
Dir::State::status "@/state/status";
Dir::Cache "@/cache";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Dir::Etc "@/etc";
Dir::Etc::sourcelist "@/etc/sources.list";
Dir::Log "@/log";
APT::Architecture "%";
APT::Architectures { "%"; };
APT::Install-Recommends "false";
APT::Install-Suggests "false";
APT::Sandbox::User "root";
APT::Get::Assume-Yes "true";
APT::Get::List-Cleanup "false";
APT::Periodic::Enable "false";
APT::Color "false";
Acquire::Languages "none";
Acquire::Check-Date "false";
Acquire::Check-Valid-Until "false";
Acquire::GzipIndexes "true";
Dpkg::Use-Pty "false";
Dpkg::Progress-Fancy "false";
DPkg::Path "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
DPkg::Lock::Timeout "0";
`

// prepare makes the working directory: apt's private state, and the merged
// repository, whose InRelease must be the one the initramfs knows.
func (p *Payload) prepare(ctx context.Context) (*index, error) {
	for _, dir := range []string{
		"state/lists/partial", "cache/archives/partial", "etc/apt.conf.d", "etc/preferences.d",
		"etc/sources.list.d", "etc/trusted.gpg.d", "log", "repo",
	} {
		if err := os.MkdirAll(p.work(dir), 0o755); err != nil {
			return nil, err
		}
	}
	set, err := p.readIndexFile(ctx)
	if err != nil {
		return nil, err
	}
	dists := filepath.Join("dists", p.catalog.Suite)
	err = writeFiles(p.WorkDir, map[string]string{
		filepath.Join("repo", dists, "InRelease"): string(set.inRelease),
		filepath.Join("repo", dists, set.name):    string(set.packages),
		"apt.conf":                                strings.NewReplacer("@", p.WorkDir, "%", p.Build.Set.Arch).Replace(aptConf),
		"set.asc":                                 p.Build.Key,
		"state/status":                            "",
		"etc/sources.list":                        p.sourceLine(set.inRelease),
	})
	if err != nil {
		return nil, err
	}
	return readIndex(set.packages)
}

// indexFile is the merged index of all discs as it lies on disc 1, checked.
type indexFile struct {
	inRelease, packages []byte // packages is compressed
	name                string // of packages, beside InRelease
}

func (p *Payload) readIndexFile(ctx context.Context) (*indexFile, error) {
	inRelease, err := readVouched(ctx, p.Disc1, p.Build.Index)
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("%s/binary-%s/Packages.gz", p.catalog.Component, p.Build.Set.Arch)
	file, err := releaseFile(inRelease, name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.Build.Index.Path, err)
	}
	data, err := readVouched(ctx, p.Disc1, media.File{
		Path: filepath.Join(filepath.Dir(p.Build.Index.Path), name), Size: file.Size, SHA256: file.SHA256,
	})
	return &indexFile{inRelease, data, name}, err
}

// sourceLine names the merged repository. apt checks its signature as well,
// unless the clock is behind it: the digest has been checked already, and a
// machine without a battery shall be installed, too.
func (p *Payload) sourceLine(inRelease []byte) string {
	option := "signed-by=" + p.work("set.asc")
	if date, err := releaseDate(inRelease); err != nil || time.Now().Before(date) {
		option = "trusted=yes"
	}
	return fmt.Sprintf("deb [%s] file:%s %s %s\n", option, p.work("repo"), p.catalog.Suite, p.catalog.Component)
}

func releaseFields(inRelease []byte) (map[string]string, error) {
	text := string(inRelease)
	if _, rest, ok := strings.Cut(text, "\n\n"); ok && strings.HasPrefix(text, "-----BEGIN PGP SIGNED MESSAGE-----") {
		text = rest
	}
	text, _, _ = strings.Cut(text, "\n-----BEGIN PGP SIGNATURE-----")
	var all map[string]string
	err := stanzas(strings.NewReader(text), func(f map[string]string) error {
		if all == nil {
			all = f
		}
		return nil
	})
	return all, err
}

func releaseDate(inRelease []byte) (time.Time, error) {
	f, err := releaseFields(inRelease)
	if err != nil {
		return time.Time{}, err
	}
	return time.Parse(time.RFC1123, f["Date"])
}

// releaseFile finds a file in the SHA256 list of a Release file.
func releaseFile(inRelease []byte, name string) (media.File, error) {
	f, err := releaseFields(inRelease)
	if err != nil {
		return media.File{}, err
	}
	for _, line := range strings.Split(f["SHA256"], "\n") {
		w := strings.Fields(line)
		if len(w) != 3 || w[2] != name {
			continue
		}
		size, err := strconv.ParseInt(w[1], 10, 64)
		return media.File{Path: name, Size: size, SHA256: w[0]}, err
	}
	return media.File{}, fmt.Errorf("no SHA-256 of %s in it", name)
}

// writeFiles writes files below dir, with their directories. It is for what
// may be lost at a power cut.
func writeFiles(dir string, files map[string]string) error {
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
