package disc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// Distro is a distro.toml: what a set of discs is made of.
type Distro struct {
	Dir  string `toml:"-"` // the folder it was read from
	Name string `toml:"-"` // the folder's name, and the name of the output below build/

	Product  string  `toml:"product"` // "Debian"
	Version  string  `toml:"version"` // "13"
	Arch     string  `toml:"arch"`    // only "amd64" so far
	Archive  Archive `toml:"archive"`
	Boot     Boot    `toml:"boot"`
	Stage2   Stage2  `toml:"stage2"`
	Base     Base    `toml:"base"`
	Groups   []Group `toml:"group"`
	Packages []Local `toml:"package"`

	Environments []Environment `toml:"environment"`
}

// Archive is where packages come from. The host is not part of it: see Options.Mirror.
type Archive struct {
	Suite      string   `toml:"suite"`      // of the set itself: "trixie"
	Suites     []string `toml:"suites"`     // to read packages from; default: Suite
	Component  string   `toml:"component"`  // of the set itself; default "main"
	Components []string `toml:"components"` // to read packages from; default: Component
	Keyring    string   `toml:"keyring"`    // default: Debian's
}

// Boot is the boot menu of disc 1.
type Boot struct {
	Kernel   string   `toml:"kernel"`   // package; default "linux-image-amd64"
	Timeout  int      `toml:"timeout"`  // seconds until the first entry boots; default 1
	Append   string   `toml:"append"`   // kernel options for every entry
	Modules  []string `toml:"modules"`  // patterns of modules for the initramfs besides the usual ones
	Firmware []string `toml:"firmware"` // packages; what modules of the initramfs ask for is taken from them
	CA       string   `toml:"ca"`       // file with certificates, in PEM, that stage 1 trusts besides the well-known ones
}

// Stage2 is the root file system the installer runs in.
type Stage2 struct {
	Program  string   `toml:"program"`  // Go package; default molt's own
	Packages []string `toml:"packages"` // besides the usual ones
}

// Base is what is always installed. All of it is on disc 1.
type Base struct {
	Boot      []string            `toml:"boot"` // what stays of it with --nocore: a machine with these starts and lets someone in
	Packages  []string            `toml:"packages"`
	Firmware  map[string][]string `toml:"firmware"`  // "bios" or "uefi" → packages besides Packages
	Optional  []string            `toml:"optional"`  // on disc 1, installed when an answer needs them: xfsprogs
	Essential bool                `toml:"essential"` // add all essential packages of the archive
	Bootstrap bool                `toml:"bootstrap"` // unpack the essential packages before any maintainer script runs
	Initrd    bool                `toml:"initrd"`    // make the installed system's initramfs while building
}

// Group is a group of packages that a person chooses as one, and its disc.
type Group struct {
	ID          string   `toml:"id"`
	Title       string   `toml:"title"`
	Description string   `toml:"description"`
	Packages    []string `toml:"packages"`
	Default     bool     `toml:"default"`
	Disc        int      `toml:"disc"`
}

// Environment is a kind of system that a person chooses by one name.
type Environment struct {
	ID          string   `toml:"id"`
	Title       string   `toml:"title"`
	Description string   `toml:"description"`
	Groups      []string `toml:"groups"` // may be empty: the base system alone
}

// Local is a package that is made while building, from a folder as
// dpkg-deb takes it: DEBIAN/control and what is to be installed. An executable
// file named "build" in it is run first, see localPackages.
type Local struct {
	Dir      string            `toml:"dir"`      // relative to the distro.toml
	Needs    []string          `toml:"needs"`    // packages that the build program finds unpacked in $ROOT
	Programs map[string]string `toml:"programs"` // path in the package → Go package to build, relative to the distro.toml
}

// Load reads and checks the distro.toml in dir. Keys it doesn't know are
// errors, with their lines.
func Load(dir string) (*Distro, error) {
	path := filepath.Join(dir, "distro.toml")
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the example %s: %w", dir, err)
	}
	d, err := parseDistro(path, string(text))
	if err != nil {
		return nil, err
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find the example %s: %w", dir, err)
	}
	d.Dir, d.Name = abs, filepath.Base(abs)
	return d, nil
}

func parseDistro(path, text string) (*Distro, error) {
	d := &Distro{}
	meta, err := toml.Decode(text, d)
	var syntax toml.ParseError
	if errors.As(err, &syntax) {
		return nil, fmt.Errorf("%s:%d: %s", path, syntax.Position.Line, syntax.Message)
	} else if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var wrong []error
	for _, key := range meta.Undecoded() {
		wrong = append(wrong, fmt.Errorf("%s:%d: unknown key %s", path, lineOf(text, key), key))
	}
	d.setDefaults()
	for _, err := range d.check() {
		wrong = append(wrong, fmt.Errorf("%s: %w", path, err))
	}
	return d, errors.Join(wrong...)
}

// lineOf finds the line that key is on: the toml package knows it, but doesn't tell.
func lineOf(text string, key toml.Key) int {
	header := regexp.MustCompile(`^\s*\[+\s*([^\]]+?)\s*\]+`)
	table, want := "", key.String()
	for n, line := range strings.Split(text, "\n") {
		if m := header.FindStringSubmatch(line); m != nil {
			if table = m[1]; table == want {
				return n + 1
			}
			continue
		}
		name, _, found := strings.Cut(line, "=")
		if found && strings.TrimPrefix(table+"."+strings.TrimSpace(name), ".") == want {
			return n + 1
		}
	}
	return 1
}

func (d *Distro) setDefaults() {
	or := func(s *string, value string) {
		if *s == "" {
			*s = value
		}
	}
	or(&d.Arch, "amd64")
	or(&d.Archive.Component, "main")
	or(&d.Archive.Keyring, "/usr/share/keyrings/debian-archive-keyring.gpg")
	or(&d.Boot.Kernel, "linux-image-amd64")
	or(&d.Stage2.Program, "github.com/molt-installer/molt/cmd/stage2")
	if len(d.Archive.Suites) == 0 {
		d.Archive.Suites = []string{d.Archive.Suite}
	}
	if len(d.Archive.Components) == 0 {
		d.Archive.Components = []string{d.Archive.Component}
	}
	if d.Boot.Timeout == 0 {
		d.Boot.Timeout = 1
	}
	for i := range d.Groups {
		d.Groups[i].Disc = max(d.Groups[i].Disc, 1)
	}
}

func (d *Distro) check() []error {
	var wrong []error
	need := func(ok bool, format string, args ...any) {
		if !ok {
			wrong = append(wrong, fmt.Errorf(format, args...))
		}
	}
	need(d.Product != "", "product is missing")
	need(d.Version != "", "version is missing")
	need(d.Archive.Suite != "", "archive.suite is missing")
	need(d.Arch == "amd64", "arch is %q: only amd64 is supported", d.Arch)
	need(len(d.Base.Boot)+len(d.Base.Packages) > 0, "base.packages is empty")
	for firmware := range d.Base.Firmware {
		need(firmware == "bios" || firmware == "uefi", "base.firmware.%s: it is bios or uefi", firmware)
	}
	seen := map[string]bool{}
	for _, g := range d.Groups {
		need(g.ID != "", "a group without an id (title %q)", g.Title)
		need(!seen[g.ID], "group %q is there twice", g.ID)
		need(len(g.Packages) > 0, "group %q has no packages", g.ID)
		seen[g.ID] = true
	}
	need(d.gap() == 0, "no group is on disc %d, but later discs have some", d.gap())
	return append(wrong, d.checkEnvironments(seen)...)
}

// checkEnvironments checks that each is one, of groups that there are.
func (d *Distro) checkEnvironments(groups map[string]bool) []error {
	var wrong []error
	seen := map[string]bool{}
	for _, e := range d.Environments {
		if e.ID == "" {
			wrong = append(wrong, fmt.Errorf("an environment without an id (title %q)", e.Title))
		}
		if seen[e.ID] {
			wrong = append(wrong, fmt.Errorf("environment %q is there twice", e.ID))
		}
		seen[e.ID] = true
		for _, id := range e.Groups {
			if !groups[id] {
				wrong = append(wrong, fmt.Errorf("environment %q has the group %q, which isn't there", e.ID, id))
			}
		}
	}
	return wrong
}

// Discs is how many discs the set has.
func (d *Distro) Discs() int {
	n := 1
	for _, g := range d.Groups {
		n = max(n, g.Disc)
	}
	return n
}

// gap is the first disc above 1 without a group, or 0.
func (d *Distro) gap() int {
	for n := 2; n <= d.Discs(); n++ {
		if !slices.ContainsFunc(d.Groups, func(g Group) bool { return g.Disc == n }) {
			return n
		}
	}
	return 0
}
