package plan

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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
			w.AddFile(Target+"/usr/sbin/update-ca-certificates", "")
			list := []config.Certificate{c.cert}
			if err := (certificates{list: list}).Run(t.Context(), w.env); err != nil {
				t.Fatal(err)
			}
			if got, _ := w.File(Target + c.file); got != body {
				t.Errorf("%s holds %q", c.file, got)
			}
			ran := len(w.Called("run in "+Target+": update-ca-certificates")) > 0
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

// TestKeys: root alone can read one, and none is among the CAs, which everybody can read.
func TestKeys(t *testing.T) {
	const key = "-----BEGIN PRIVATE KEY-----\nMIIC\n-----END PRIVATE KEY-----\n"
	for dir, want := range map[string]string{"/etc/own": "/etc/own/me.key", "": "/etc/ssl/private/me.key", "/usr/local/share/ca-certificates/own/": "/etc/ssl/private/me.key",
		"/etc/../usr/local/share/ca-certificates": "/etc/ssl/private/me.key"} {
		w := newWorld()
		w.AddFile(Target+"/usr/sbin/update-ca-certificates", "")
		step := certificates{list: []config.Certificate{{Filename: "me.key", Dir: dir, Body: "-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n" + key}}}
		if err := step.Run(t.Context(), w.env); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"write " + Target + want + " mode 0600"}, w.Called("write")); diff != "" || len(w.Called("run")) > 0 {
			t.Errorf("--dir=%s: %s, ran %q", dir, diff, w.Called("run"))
		}
	}
}

// TestCertificatesElsewhere: a system of another kind trusts the CAs by its own program, and one
// without any says so and is finished none the less.
func TestCertificatesElsewhere(t *testing.T) {
	const body, place = "-----BEGIN CERTIFICATE-----\n", "/usr/local/share/ca-certificates/own.crt"
	step := certificates{list: []config.Certificate{{Filename: "own.crt", Body: body}, {Filename: "me.pem", Dir: "/etc/own", Body: body}}}
	for name, c := range map[string]struct {
		program, dir string
		ran, warned  bool
	}{
		"update-ca-trust":           {"/usr/bin/update-ca-trust", "/etc/pki/ca-trust/source/anchors", true, false},
		"no place for them":         {"/usr/bin/update-ca-trust", "/etc/own", false, true},
		"a place, and no program":   {"/usr/bin/true", "/etc/pki/ca-trust/source/anchors", false, true},
		"neither place nor program": {"/usr/bin/true", "/etc/own", false, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.AddFile(Target+c.program, "")
			w.AddDir(Target + c.dir)
			if err := step.Run(t.Context(), w.env); err != nil {
				t.Fatal(err)
			}
			got, _ := w.File(Target + "/etc/pki/ca-trust/source/anchors/own.crt")
			ran := len(w.Called("run in "+Target+": update-ca-trust")) > 0
			if ran != c.ran || (got == body) != c.ran {
				t.Errorf("ran %v, the anchor is %q\n%s", ran, got, strings.Join(w.Calls(), "\n"))
			}
			if said := strings.Join(w.told, "\n"); strings.Contains(said, place) != c.warned || strings.Contains(said, "me.pem") {
				t.Errorf("told: %s", said)
			}
			if got, _ := w.File(Target + place); got != body {
				t.Errorf("%s holds %q", place, got)
			}
		})
	}
}
