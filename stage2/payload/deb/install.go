package deb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/host"
	"github.com/molt-installer/molt/stage2/payload"
)

// env is what maintainer scripts see beside the fixed environment: nobody is there to
// be asked.
func (p *Payload) env() []string {
	return []string{
		"APT_CONFIG=" + p.work("apt.conf"),
		"DEBIAN_FRONTEND=noninteractive", "DEBCONF_NONINTERACTIVE_SEEN=true", "DEBCONF_NOWARNINGS=yes",
		"APT_LISTCHANGES_FRONTEND=none", "LANG=C.UTF-8", "TERM=dumb",
	}
}

// dpkgOptions work on a target from outside. A crash means a new installation, so
// nothing is synced on the way; the first error counts.
func dpkgOptions(sel *payload.Selection, target string) []string {
	options := []string{
		"--root=" + target, "--log=" + filepath.Join(target, "var/log/dpkg.log"),
		"--force-unsafe-io", "--force-confold", "--abort-after=1",
	}
	for _, rule := range sel.Paths {
		options = append(options, "--"+rule)
	}
	return options
}

// Install implements payload.Payload. A package that fails is a *PackageError; it
// can be called again after it, and goes on where dpkg stopped.
func (p *Payload) Install(ctx context.Context, sel *payload.Selection, target string, pr payload.Progress) error {
	if err := p.link(sel, target); err != nil {
		return err
	}
	fresh, err := dpkgSkeleton(target)
	if err != nil {
		return fmt.Errorf("prepare the target for dpkg: %w", err)
	}
	if err := keepRules(sel, target); err != nil {
		return fmt.Errorf("tell dpkg on the target what is left out of packages: %w", err)
	}
	w := newWatcher(pr, len(sel.Packages))
	if p.catalog.Bootstrap && fresh {
		err = p.bootstrap(ctx, sel, target, w)
	}
	if err == nil {
		err = p.installRest(ctx, sel, target, w)
	}
	if err == nil {
		err = p.audit(ctx, target)
	}
	if err == nil {
		err = p.certificates(ctx, target, pr)
	}
	if err == nil {
		err = p.initrd(ctx, sel, target, pr)
	}
	if err == nil {
		pr.Advance(int64(len(sel.Packages)), int64(len(sel.Packages)), "packages", "")
	}
	return err
}

// link makes discN of the merged repository lead to what was fetched.
func (p *Payload) link(sel *payload.Selection, target string) error {
	for _, n := range sel.Discs() {
		link := p.work("repo", discDir(n))
		if err := os.Remove(link); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if err := os.Symlink(filepath.Join(target, setDir, discDir(n)), link); err != nil {
			return err
		}
	}
	return nil
}

// dpkgSkeleton makes what dpkg needs in an empty target, and says whether it
// was empty.
func dpkgSkeleton(target string) (fresh bool, err error) {
	admin := filepath.Join(target, "var/lib/dpkg")
	for _, dir := range []string{"info", "updates", "triggers", "parts", "alternatives"} {
		if err := os.MkdirAll(filepath.Join(admin, dir), 0o755); err != nil {
			return false, err
		}
	}
	if err := os.MkdirAll(filepath.Join(target, "var/log"), 0o755); err != nil {
		return false, err
	}
	if info, err := os.Stat(filepath.Join(admin, "status")); err == nil && info.Size() > 0 {
		return false, nil
	}
	return true, writeFiles(admin, map[string]string{"status": "", "available": ""})
}

// installRest has apt install everything that isn't there yet.
func (p *Payload) installRest(ctx context.Context, sel *payload.Selection, target string, w *watcher) error {
	args := []string{
		"apt-get", "install", "--allow-downgrades", "--allow-change-held-packages",
		"-o", "Dir::State::status=" + filepath.Join(target, "var/lib/dpkg/status"),
		"-o", "APT::Status-Fd=3",
	}
	for _, o := range dpkgOptions(sel, target) {
		args = append(args, "-o", "DPkg::Options::="+o)
	}
	for _, k := range sel.Packages {
		args = append(args, k.Name+"="+k.Version)
	}
	if err := p.offer(sel, target); err != nil {
		return err
	}
	return p.watched(ctx, args, w)
}

// offer puts what was fetched where apt looks first, and takes it for checked:
// Fetch has checked it. Else apt makes four digests of every file, which by a
// slow processor takes longer than to unpack it.
func (p *Payload) offer(sel *payload.Selection, target string) error {
	for _, k := range sel.Packages {
		link := p.work("cache/archives", archiveName(k))
		if err := os.Remove(link); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if err := os.Symlink(fetched(target, k), link); err != nil {
			return err
		}
	}
	return nil
}

// archiveName is apt's name for a package in its cache.
func archiveName(k payload.Package) string {
	quote := strings.NewReplacer("%", "%25", "_", "%5f", ":", "%3a")
	return quote.Replace(k.Name) + "_" + quote.Replace(k.Version) + "_" + k.Arch + ".deb"
}

// watched runs a program that installs, and finds the package to blame.
func (p *Payload) watched(ctx context.Context, args []string, w *watcher) error {
	status := &lineWriter{line: w.status}
	err := p.Commands.Run(ctx, host.Command{Args: args, Env: p.env(), Line: w.output, Fds: []io.Writer{status}, NoSync: true})
	var exit *host.ExitError
	if errors.As(err, &exit) {
		return w.explain(err)
	}
	return err
}

// audit is the proof that all is there and configured.
func (p *Payload) audit(ctx context.Context, target string) error {
	var report []string
	err := p.Commands.Run(ctx, host.Command{
		Args: []string{"dpkg", "--root=" + target, "--audit"},
		Line: func(l string) { report = append(report, l) },
	})
	report = slices.DeleteFunc(report, func(l string) bool { return l == "" })
	if len(report) > 0 {
		return &AuditError{report}
	}
	return err
}
