package disc

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// apt is the host's apt with a root of its own: its own sources, lists and
// cache, an empty dpkg status, and none of the host's configuration but how to
// reach servers. It resolves, downloads and verifies; it installs nothing.
type apt struct {
	dir     string // Dir of apt.conf(5)
	distro  *Distro
	mirror  string
	cache   cache
	local   string // a flat repository of packages made here, or empty
	env     []string
	indexes index
}

// newApt lays the private root in the cache; local packages come from the flat
// repository local, unless that is empty.
func newApt(ctx context.Context, c cache, mirror, local string, d *Distro) (*apt, error) {
	dir := filepath.Join(c.dir, "apt")
	a := &apt{dir: dir, distro: d, mirror: mirror, local: local, cache: c}
	for _, sub := range []string{
		"etc/apt/apt.conf.d", "etc/apt/preferences.d", "etc/apt/sources.list.d", "etc/apt/trusted.gpg.d",
		"var/lib/apt/lists/partial", "var/cache/apt/archives/partial", "var/cache/apt/none/partial", "var/lib/dpkg",
	} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return nil, fmt.Errorf("lay apt's private root: %w", err)
		}
	}
	network, err := networkSettings(ctx)
	if err != nil {
		return nil, err
	}
	conf := filepath.Join(dir, "etc/apt/molt-"+d.Name+".conf")
	a.env = []string{"APT_CONFIG=" + conf, "DEBIAN_FRONTEND=noninteractive"}
	for path, text := range map[string]string{
		conf:            a.config(conf) + network,
		a.sourcesPath(): a.sources(),
		a.localPath():   a.localSource(),
		filepath.Join(dir, "var/lib/dpkg/status"): "",
	} {
		if err := writeFile(path, []byte(text)); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// networkSettings are the host's ways to servers: proxies, credentials, certificates.
func networkSettings(ctx context.Context) (string, error) {
	out, err := command(ctx, nil, "apt-config", "dump", "Acquire")
	if err != nil {
		return "", fmt.Errorf("read apt's configuration: %w", err)
	}
	keep := regexp.MustCompile(`(?m)^Acquire::(http|https|ftp)::.*;$`)
	return strings.Join(keep.FindAllString(out, -1), "\n") + "\n", nil
}

func (a *apt) sourcesPath() string {
	return filepath.Join(a.dir, "etc/apt/sources.list.d", a.distro.Name+".list")
}

func (a *apt) localPath() string {
	return filepath.Join(a.dir, "etc/apt/sources.list.d", a.distro.Name+"-local.list")
}

func (a *apt) config(conf string) string {
	return fmt.Sprintf(`Dir %q;
Dir::Etc::main %q;
Dir::Etc::parts "apt.conf.d";
Dir::Etc::netrc "/etc/apt/auth.conf";
Dir::Etc::netrcparts "/etc/apt/auth.conf.d";
Dir::Etc::sourcelist %q;
Dir::Etc::sourceparts "-";
Dir::State::status %q;
Dir::Cache::pkgcache "pkgcache-%[5]s.bin";
Dir::Cache::srcpkgcache "srcpkgcache-%[5]s.bin";
APT::Architecture %[6]q;
APT::Architectures { %[6]q; };
APT::Install-Recommends "false";
APT::Sandbox::User "root";
APT::Get::List-Cleanup "false";
APT::Immediate-Configure "false";
Acquire::Languages "none";
Acquire::Retries "3";
Debug::NoLocking "true";
Dpkg::Use-Pty "false";
`, a.dir, conf+".none", a.sourcesPath(), filepath.Join(a.dir, "var/lib/dpkg/status"), a.distro.Name, a.distro.Arch)
}

func (a *apt) sources() string {
	var text strings.Builder
	ar := a.distro.Archive
	for _, suite := range ar.Suites {
		fmt.Fprintf(&text, "deb [signed-by=%s] %s %s %s\n", ar.Keyring, a.mirror, suite, strings.Join(ar.Components, " "))
	}
	return text.String() + a.localSource()
}

func (a *apt) localSource() string {
	if a.local == "" {
		return ""
	}
	return fmt.Sprintf("deb [trusted=yes] file:%s ./\n", a.local)
}

// update fetches the package lists, unless they are there already; the local
// ones it reads each time.
func (a *apt) update(ctx context.Context, anew bool) error {
	unlock, err := a.cache.lock("apt")
	if err != nil {
		return err
	}
	defer unlock()
	ar := a.distro.Archive
	done := filepath.Join(a.dir, "lists-"+digest(a.mirror, strings.Join(ar.Suites, " "), strings.Join(ar.Components, " "))[:16])
	if _, err := os.Stat(done); err != nil || anew {
		a.cache.log("fetching the package lists of %s", strings.Join(ar.Suites, ", "))
		if _, err := command(ctx, a.env, "apt-get", "update", "--error-on=any", "-q"); err != nil {
			return fmt.Errorf("fetch the package lists: %w", err)
		}
		if err := writeFile(done, nil); err != nil {
			return err
		}
	} else if a.local != "" {
		if _, err := command(ctx, a.env, "apt-get", "update", "-q", "-o", "Dir::Etc::sourcelist="+a.localPath()); err != nil {
			return fmt.Errorf("read the list of the packages made here: %w", err)
		}
	}
	lists, err := a.lists(ctx, "Packages")
	if err != nil {
		return err
	}
	a.indexes, err = readIndex(lists)
	return err
}

// lists are the files that apt keeps of what it fetched.
func (a *apt) lists(ctx context.Context, createdBy string) ([]string, error) {
	out, err := command(ctx, a.env, "apt-get", "indextargets", "--format", "$(FILENAME)", "Created-By: "+createdBy)
	if err != nil {
		return nil, fmt.Errorf("find apt's package lists: %w", err)
	}
	return strings.Fields(out), nil
}

// releases are apt's copies of the InRelease files, verified when they came.
func (a *apt) releases() ([]string, error) {
	var paths []string
	for _, suite := range a.distro.Archive.Suites {
		found, err := filepath.Glob(filepath.Join(a.dir, "var/lib/apt/lists", "*_dists_"+strings.ReplaceAll(suite, "/", "_")+"_InRelease"))
		if err != nil || len(found) == 0 {
			return nil, fmt.Errorf("find the Release file of %s: MIRROR's lists are not there, run make iso UPDATE=1 (%w)", suite, os.ErrNotExist)
		}
		paths = append(paths, found...)
	}
	return paths, nil
}

// closure is what apt would install for names on an empty system, in the order
// in which apt wants it.
func (a *apt) closure(ctx context.Context, names []string) ([]pkg, error) {
	args := append([]string{"install", "--print-uris", "-y", "-qq", "-o", "Dir::Cache::archives=" + filepath.Join(a.dir, "var/cache/apt/none")}, names...)
	out, err := command(ctx, a.env, "apt-get", args...)
	if err != nil {
		return nil, fmt.Errorf("resolve packages: %w", err)
	}
	var pkgs []pkg
	for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
		p, err := a.fromURI(line)
		if err != nil {
			return nil, err
		}
		pkgs = append(pkgs, p)
	}
	return pkgs, nil
}

// fromURI reads a line of apt-get --print-uris: 'URI' file size hash.
func (a *apt) fromURI(line string) (pkg, error) {
	fields := strings.Fields(line)
	if len(fields) < 3 || !strings.HasSuffix(fields[1], ".deb") {
		return pkg{}, fmt.Errorf("apt-get --print-uris said %q", line)
	}
	key, err := url.PathUnescape(strings.TrimSuffix(fields[1], ".deb"))
	if err != nil {
		return pkg{}, fmt.Errorf("apt-get --print-uris said %q: %w", line, err)
	}
	s, ok := a.indexes[key]
	if !ok {
		return pkg{}, fmt.Errorf("package %s is in no package list", key)
	}
	p, err := newPkg(s)
	if err != nil {
		return p, err
	}
	if strings.HasPrefix(p.Path, "pool/") {
		return p, nil
	}
	p.Path = localPoolPath(p)
	p.stanza = s.with("Filename", p.Path)
	return p, nil
}

// localPool is where packages made here lie in a pool.
const localPool = "pool/local"

// localPoolPath is where a package made here lies in a pool.
func localPoolPath(p pkg) string {
	name := p.Name + "_" + p.Version + "_" + p.Arch + ".deb"
	return path.Join(localPool, p.Name[:1], p.Name, name)
}

// archive is the downloaded file of a package.
func (a *apt) archive(p pkg) string {
	if strings.HasPrefix(p.Path, localPool) {
		return filepath.Join(a.local, filepath.Base(p.Path))
	}
	return filepath.Join(a.dir, "var/cache/apt/archives", p.file())
}

// download gets the files that aren't in the cache, and lets apt verify them.
func (a *apt) download(ctx context.Context, pkgs []pkg) error {
	unlock, err := a.cache.lock("apt")
	if err != nil {
		return err
	}
	defer unlock()
	var want []string
	var size int64
	for _, p := range pkgs {
		if info, err := os.Stat(a.archive(p)); err != nil || info.Size() != p.Size {
			want = append(want, p.Name+":"+archOf(p, a.distro)+"="+p.Version)
			size += p.Size
		}
	}
	if len(want) == 0 {
		return nil
	}
	a.cache.log("downloading %d packages, %d MB", len(want), size/1_000_000)
	return a.fetch(ctx, unique(want))
}

func archOf(p pkg, d *Distro) string {
	if p.Arch == "all" {
		return d.Arch
	}
	return p.Arch
}

// fetch has apt download exactly the packages named, into its cache.
func (a *apt) fetch(ctx context.Context, names []string) error {
	cmd := append([]string{"download", "-q"}, names...)
	_, err := commandIn(ctx, filepath.Join(a.dir, "var/cache/apt/archives"), a.env, "apt-get", cmd...)
	if err != nil {
		return fmt.Errorf("download packages (are the lists too old? make iso UPDATE=1 fetches them anew): %w", err)
	}
	return nil
}
