package network

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/molt-installer/molt/internal/handoff"
)

// resolvConf is the text of a resolv.conf(5). A server that is silent is given
// up soon: there are others to try, and people waiting.
func resolvConf(servers []netip.Addr, domains []string) string {
	var b strings.Builder
	b.WriteString("# Written by molt whenever name servers change.\n")
	if len(domains) > 0 {
		fmt.Fprintf(&b, "search %s\n", strings.Join(domains, " "))
	}
	for _, s := range servers {
		fmt.Fprintf(&b, "nameserver %s\n", s)
	}
	b.WriteString("options timeout:2 attempts:2\n")
	return b.String()
}

// writeServers brings the file up to date, whole or not at all. r.mu is held.
func (r *run) writeServers() error {
	text := resolvConf(r.dns())
	if text == r.written {
		return nil
	}
	if err := writeFile(r.cfg.ResolvConf, text); err != nil {
		return err
	}
	r.written = text
	return nil
}

// WriteServers writes name servers, and the domains to look names up in, to path, in the form of
// resolv.conf(5).
func WriteServers(path string, servers []netip.Addr, domains []string) error {
	return writeFile(path, resolvConf(unique(servers), unique(domains)))
}

func writeFile(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", []byte(text), 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

func removeServers(path string) { _ = os.Remove(path) }

// LinkResolvConf makes /etc/resolv.conf in root a link to handoff.ResolvConfPath.
// A link in root that leads out of it is an error.
func LinkResolvConf(root string) error {
	r, err := os.OpenRoot(root)
	if err != nil {
		return err
	}
	defer r.Close()
	const name = "etc/resolv.conf"
	if err := r.MkdirAll("etc", 0o755); err != nil {
		return fmt.Errorf("make /etc in %s: %w", root, err)
	}
	if err := r.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("replace /%s in %s: %w", name, root, err)
	}
	if err := r.Symlink(handoff.ResolvConfPath, name); err != nil {
		return fmt.Errorf("link /%s in %s: %w", name, root, err)
	}
	return nil
}
