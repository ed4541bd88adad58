package deb

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

// archiveKeyring is where Debian's own keys are on an installed system.
const archiveKeyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// mirrors are the archives the installed system is to use.
func (p *Payload) mirrors() []config.Mirror {
	if len(p.Mirrors) == 0 && p.catalog.Mirror != "" {
		return []config.Mirror{{URL: p.catalog.Mirror}}
	}
	return p.Mirrors
}

// sources are the files that tell apt on the target where packages come from
// (sources.list(5)), by their path.
func (p *Payload) sources(target string) (map[string]string, error) {
	mirrors := p.mirrors()
	if len(mirrors) == 0 {
		known, err := p.known()
		if err != nil {
			return nil, err
		}
		return p.discSources(known), nil
	}
	suites := p.catalog.Suite
	if len(p.catalog.Suites) > 0 {
		suites = strings.Join(p.catalog.Suites, " ")
	}
	components := p.catalog.Component
	if len(p.catalog.Components) > 0 {
		components = strings.Join(p.catalog.Components, " ")
	}
	var b strings.Builder
	for i, m := range mirrors {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "Types: deb\nURIs: %s\nSuites: %s\nComponents: %s\n", m.URL, suites, components)
		if _, err := os.Stat(filepath.Join(target, archiveKeyring)); err == nil {
			fmt.Fprintf(&b, "Signed-By: %s\n", archiveKeyring)
		}
	}
	files := map[string]string{"etc/apt/sources.list.d/debian.sources": b.String()}
	if conf := transfers(mirrors); conf != "" {
		files[transfersConf] = conf
	}
	return files, nil
}

// discSources makes apt know the discs it has seen, so that it asks for them
// by their labels. For one it hasn't seen apt-cdrom must be run, which takes
// only keys that are trusted for everything.
func (p *Payload) discSources(known map[int]knownDisc) map[string]string {
	key := strings.ToLower(strings.ReplaceAll(p.Build.Set.Product, " ", "-")) + "-set.asc"
	keyring := path.Join("usr/share/keyrings", key)
	files := map[string]string{keyring: p.Build.Key}
	var list, cdroms strings.Builder
	fmt.Fprintf(&list, "# The discs of %s, from which this system was installed.\n", p.Build.Set.Name())
	for n := 1; n <= p.Build.Set.Discs; n++ {
		k, ok := known[n]
		if !ok {
			fmt.Fprintf(&list, "# Disc %d has not been in the drive. To use it, put it in and run: apt-cdrom add\n", n)
			files[path.Join("etc/apt/trusted.gpg.d", key)] = p.Build.Key
			continue
		}
		fmt.Fprintf(&list, "deb [signed-by=/%s] cdrom:[%s]/ %s %s\n", keyring, k.Label, p.catalog.Suite, p.catalog.Component)
		fmt.Fprintf(&cdroms, "CD::%s \"%s\";\nCD::%s::Label \"%s\";\n", k.ID, k.Label, k.ID, k.Label)
		dists := path.Join("dists", p.catalog.Suite)
		files[path.Join("var/lib/apt/lists", listName(k.Label, path.Join(dists, "InRelease")))] = k.InRelease
		files[path.Join("var/lib/apt/lists", listName(k.Label, path.Join(dists, p.packagesName())))] = k.Packages
	}
	files["etc/apt/sources.list"] = list.String()
	if len(known) > 0 {
		files["var/lib/apt/cdroms.list"] = cdroms.String()
	}
	return files
}
