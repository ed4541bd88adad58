package plan

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

// trustedDir is where a system's administrator puts certificates of CAs; those in files
// *.crt are trusted (update-ca-certificates(8)).
const trustedDir = "/usr/local/share/ca-certificates"

// certificateFile is where a certificate goes in the new system. Without a directory it
// is one of a CA.
func certificateFile(c config.Certificate) string {
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
		file := certificateFile(c)
		if err := env.Host.MkdirAll(Target+path.Dir(file), 0o755); err != nil {
			return fmt.Errorf("make %s for a certificate: %w", path.Dir(file), err)
		}
		if err := env.Host.WriteFile(Target+file, []byte(c.Body), 0o644); err != nil {
			return fmt.Errorf("write the certificate %s: %w", file, err)
		}
	}
	if !slices.ContainsFunc(s.list, isTrusted) {
		return nil
	}
	if err := inTarget(ctx, env, "update-ca-certificates"); err != nil {
		return fmt.Errorf("have the new system trust the certificates in %s: %w", trustedDir, err)
	}
	return nil
}
