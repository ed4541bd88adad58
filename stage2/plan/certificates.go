package plan

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/molt-installer/molt/internal/ksearly"
	"github.com/molt-installer/molt/stage2/config"
)

// trustedDir is where a system's administrator puts certificates of CAs; those in files
// *.crt are trusted (update-ca-certificates(8)).
const trustedDir = ksearly.TrustedDir

// keysDir is where keys go for which there is no other place, or just that of CAs.
const keysDir = "/etc/ssl/private"

// anchorsDir is the same of update-ca-trust(8).
const anchorsDir = "/etc/pki/ca-trust/source/anchors"

// certificateFile is where a certificate goes in the new system. Without a directory it
// is one of a CA. What has a key in it never is: everybody can read those.
func certificateFile(c config.Certificate) string {
	if c.Body.HasKey() && ksearly.Trusted(c.Dir) {
		return path.Join(keysDir, c.Filename)
	}
	file := path.Join(cmp.Or(c.Dir, trustedDir), c.Filename)
	if strings.HasPrefix(file, trustedDir+"/") {
		return strings.TrimSuffix(file, ".crt") + ".crt"
	}
	return file
}

func isTrusted(c config.Certificate) bool {
	return strings.HasPrefix(certificateFile(c), trustedDir+"/")
}

// trustPackages are what the new system needs to trust the certificates.
func trustPackages(list []config.Certificate) []string {
	if slices.ContainsFunc(list, isTrusted) {
		return []string{"ca-certificates"}
	}
	return nil
}

// certificates writes the files of %certificate, and has the new system trust those
// that are in the place for it.
type certificates struct {
	base
	list []config.Certificate
}

func (s certificates) Run(ctx context.Context, env *Env) error {
	for _, c := range s.list {
		file, mode := certificateFile(c), fs.FileMode(0o644)
		if c.Body.HasKey() {
			mode = 0o600
		}
		if err := env.Host.MkdirAll(Target+path.Dir(file), 0o755); err != nil {
			return fmt.Errorf("make %s for a certificate: %w", path.Dir(file), err)
		}
		if err := env.Host.WriteFile(Target+file, []byte(c.Body), mode); err != nil {
			return fmt.Errorf("write the certificate %s: %w", file, err)
		}
	}
	return s.trust(ctx, env)
}

// trust has the new system trust the CAs. One that was made of an image may have
// p11-kit's program instead of Debian's (update-ca-trust(8)), or none.
func (s certificates) trust(ctx context.Context, env *Env) error {
	list := slices.DeleteFunc(slices.Clone(s.list), func(c config.Certificate) bool { return !isTrusted(c) })
	var program, dir string
	switch {
	case len(list) == 0:
		return nil
	case hasProgram(env, "update-ca-certificates"):
		program, dir = "update-ca-certificates", trustedDir
	case hasProgram(env, "update-ca-trust") && exists(env, Target+anchorsDir):
		program, dir = "update-ca-trust", anchorsDir
	default:
		for _, c := range list {
			warn(env, certificateFile(c)+" is there, and the new system doesn't trust it: it has neither update-ca-certificates nor update-ca-trust")
		}
		return nil
	}
	for _, c := range list {
		if dir == trustedDir {
			continue // the file is there
		}
		file := path.Join(dir, path.Base(certificateFile(c)))
		if err := env.Host.WriteFile(Target+file, []byte(c.Body), 0o644); err != nil {
			return fmt.Errorf("write the certificate %s: %w", file, err)
		}
	}
	if err := inTarget(ctx, env, program); err != nil {
		return fmt.Errorf("have the new system trust the certificates in %s: %w", dir, err)
	}
	return nil
}
