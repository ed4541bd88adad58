package deb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/molt-installer/molt/stage2/host"
	"github.com/molt-installer/molt/stage2/payload"
)

const (
	updateCertificates = "/usr/sbin/update-ca-certificates"
	certsConf          = "etc/ca-certificates.conf"
	certsFrom          = "/usr/share/ca-certificates"
	certsTo            = "/etc/ssl/certs"
)

// certificates makes /etc/ssl/certs, once. The package's own program takes five
// processes for each of 150 certificates, and its postinst runs it twice: a fifth of
// a whole installation. What it does when there is nothing but its own list,
// update-ca-certificates(8), is done here; with anything else it is run.
func (p *Payload) certificates(ctx context.Context, target string, pr payload.Progress) error {
	program := updateCertificates + aside
	if _, err := os.Lstat(filepath.Join(target, program)); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	run := host.Command{Args: []string{program}, Root: target, Env: p.env(), Line: pr.Line}
	if plainCertificates(target) {
		if err := linkCertificates(target); err != nil {
			return fmt.Errorf("install the certificates: %w", err)
		}
		run.Args, run.Line = []string{"openssl", "rehash", certsTo}, nil // it warns of the file with all of them
	}
	return p.Commands.Run(ctx, run)
}

// plainCertificates says whether there are neither hooks nor local certificates.
func plainCertificates(target string) bool {
	for _, pattern := range []string{"etc/ca-certificates/update.d/*", "usr/local/share/ca-certificates/*"} {
		if found, err := filepath.Glob(filepath.Join(target, pattern)); err != nil || len(found) > 0 {
			return false
		}
	}
	return true
}

// linkCertificates makes the links and the one file with all of them.
func linkCertificates(target string) error {
	conf, err := os.ReadFile(filepath.Join(target, certsConf))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(target, certsTo), 0o755); err != nil {
		return err
	}
	var bundle bytes.Buffer
	for _, name := range strings.Split(string(conf), "\n") {
		if name == "" || name[0] == '#' || name[0] == '!' {
			continue
		}
		cert := path.Join(certsFrom, name)
		data, err := os.ReadFile(filepath.Join(target, cert))
		if err != nil {
			return err
		}
		bundle.Write(data)
		if !bytes.HasSuffix(data, []byte("\n")) {
			bundle.WriteByte('\n')
		}
		link := filepath.Join(target, certsTo, pemName(name))
		if err := os.Remove(link); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if err := os.Symlink(cert, link); err != nil {
			return err
		}
	}
	return writeFiles(target, map[string]string{path.Join(certsTo, "ca-certificates.crt"): bundle.String()})
}

func pemName(cert string) string {
	name := strings.TrimSuffix(path.Base(cert), ".crt")
	return strings.NewReplacer(" ", "_", "(", "=", ")", "=", ",", "_").Replace(name) + ".pem"
}
