package plan

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/stage2/config"
)

const archiveKeys = "/usr/share/keyrings/debian-archive-keyring.gpg"

// sources tells the installed system's apt where packages come from.
type sources struct {
	base
	product string
	suite   string
	part    string // component
	mirrors []config.Mirror
	discs   int
}

// mirrorsOf are those of the answers, else the one the builder named.
func mirrorsOf(a config.Answers, c *media.Catalog) []config.Mirror {
	if len(a.Mirrors) > 0 || c == nil || c.Mirror == "" {
		return a.Mirrors
	}
	return []config.Mirror{{URL: c.Mirror}}
}

func (s sources) Run(_ context.Context, env *Env) error {
	if !exists(env, Target+"/etc/apt") {
		return nil
	}
	note := fmt.Sprintf("# Installed from %s, %d %s. To use the discs again: apt-cdrom add\n", s.product, s.discs, plural(s.discs, "disc"))
	if len(s.mirrors) > 0 {
		note += "# The archives are in sources.list.d.\n"
		if err := etc(env, "apt/sources.list.d/installer.sources", s.text(exists(env, Target+archiveKeys))); err != nil {
			return err
		}
	}
	return etc(env, "apt/sources.list", note)
}

// text is sources.list(5), in its deb822 form.
func (s sources) text(signed bool) string {
	var b strings.Builder
	for i, m := range s.mirrors {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "Types: deb\nURIs: %s\nSuites: %s\nComponents: %s\n", m.URL, s.suite, cmp.Or(s.part, "main"))
		if signed {
			b.WriteString("Signed-By: " + archiveKeys + "\n")
		}
	}
	return b.String()
}
