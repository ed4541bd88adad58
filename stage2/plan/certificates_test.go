package plan

import (
	"context"
	"strings"
	"testing"

	"github.com/molt-installer/molt/stage2/config"
)

// TestCertificates: each goes where it is to go, and the program that has the system
// trust some is run when there are such.
func TestCertificates(t *testing.T) {
	const body = "-----BEGIN CERTIFICATE-----\n"
	for name, c := range map[string]struct {
		cert    config.Certificate
		file    string
		trusted bool
	}{
		"no directory": {config.Certificate{Filename: "own.pem", Body: body}, "/usr/local/share/ca-certificates/own.pem.crt", true},
		"below it":     {config.Certificate{Filename: "own.crt", Dir: "/usr/local/share/ca-certificates/a/", Body: body}, "/usr/local/share/ca-certificates/a/own.crt", true},
		"elsewhere":    {config.Certificate{Filename: "own.pem", Dir: "/etc/own", Body: body}, "/etc/own/own.pem", false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			list := []config.Certificate{c.cert}
			if err := (certificates{list: list}).Run(t.Context(), w.env); err != nil {
				t.Fatal(err)
			}
			if got, _ := w.File(Target + c.file); got != body {
				t.Errorf("%s holds %q", c.file, got)
			}
			ran := strings.Contains(strings.Join(w.Calls(), "\n"), "update-ca-certificates")
			if ran != c.trusted || len(trustPackages(list)) > 0 != c.trusted {
				t.Errorf("trusted: %v, packages %v, want %v", ran, trustPackages(list), c.trusted)
			}
		})
	}
	w := newWorld()
	w.FailAt(1, context.DeadlineExceeded)
	if err := (certificates{list: []config.Certificate{{Filename: "x", Dir: "/etc"}}}).Run(t.Context(), w.env); err == nil || !strings.Contains(err.Error(), "/etc") {
		t.Errorf("%v", err)
	}
}
