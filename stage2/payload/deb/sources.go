package deb

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

// archiveKeyring is where Debian's own keys are on an installed system.
const archiveKeyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// sources are the files that tell apt on the target where packages come from
// (sources.list(5)), by their path.
func (p *Payload) sources(target string) map[string]string {
	mirrors := p.Mirrors
	if len(mirrors) == 0 && p.catalog.Mirror != "" {
		mirrors = []config.Mirror{{URL: p.catalog.Mirror}}
	}
	if len(mirrors) == 0 {
		return p.discSources()
	}
	var b strings.Builder
	for i, m := range mirrors {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "Types: deb\nURIs: %s\nSuites: %s\nComponents: %s\n", m.URL, p.catalog.Suite, p.catalog.Component)
		if _, err := os.Stat(filepath.Join(target, archiveKeyring)); err == nil {
			fmt.Fprintf(&b, "Signed-By: %s\n", archiveKeyring)
		}
	}
	return map[string]string{"etc/apt/sources.list.d/debian.sources": b.String()}
}

// discSources leaves the set's key and the way to use its discs: apt-cdrom
// knows a disc only after it has seen it.
func (p *Payload) discSources() map[string]string {
	name := strings.ToLower(p.Build.Set.Product)
	keyring := "usr/share/keyrings/" + name + "-set.asc"
	return map[string]string{
		keyring: p.Build.Key,
		"etc/apt/sources.list": fmt.Sprintf(`# This system was installed from the %d discs of %s, and has no package archive.
# To use a disc, put it in and run:  apt-cdrom add
# Its packages are signed by the key in /%s
`, p.Build.Set.Discs, p.Build.Set.Name(), keyring),
	}
}
