package fetch

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"os"

	_ "golang.org/x/crypto/x509roots/fallback" // the well-known CAs, for systems that have no files of them: the initramfs, stage 2
)

// ReadAll reads a file of most bytes at most.
func ReadAll(ctx context.Context, t Tree, name string, most int64) ([]byte, error) {
	file, err := t.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	r, err := file.Stream(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("%s is larger than %d bytes", file, most)
	}
	return data, err
}

// Authorities are the well-known CAs and those in a file, in PEM, for
// Options.CA. nil are the well-known ones alone: there is no such file.
func Authorities(file string) *x509.CertPool {
	own, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	pool.AppendCertsFromPEM(own)
	return pool
}
