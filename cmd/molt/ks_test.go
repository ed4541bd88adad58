package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const goodKs = "lang en_US\nkeyboard us\ntimezone UTC\nrootpw secret\nautopart\nreboot\n"

func TestKsCheck(t *testing.T) {
	tests := []struct {
		name  string
		files map[string]string // a.ks is checked
		args  []string
		want  string // of the output, DIR/ for the directory
		err   string
	}{
		{"good", map[string]string{"a.ks": goodKs}, nil, "", ""},
		{"wrong", map[string]string{"a.ks": goodKs + "quux\n"}, nil, "DIR/a.ks:7: unknown command quux\n",
			"ks check: 1 of 1 files can't be used as they are"},
		{"warning", map[string]string{"a.ks": goodKs + "skipx\n"}, nil,
			"DIR/a.ks:7: warning: skipx is ignored: no graphical login is set up unless its package does it\n", ""},
		{"strict", map[string]string{"a.ks": goodKs + "skipx\n"}, []string{"-strict"},
			"DIR/a.ks:7: warning: skipx is ignored: no graphical login is set up unless its package does it\n",
			"ks check: 1 of 1 files can't be used as they are"},
		{"missing answer", map[string]string{"a.ks": strings.Replace(goodKs, "timezone UTC\n", "", 1)}, nil,
			"DIR/a.ks: warning: no time zone is set; unattended, that needs timezone\n", ""},
		{"include", map[string]string{"a.ks": goodKs + "%include b.ks\n", "b.ks": "foo\n"}, nil, "b.ks:1: unknown command foo\n",
			"ks check: 1 of 1 files can't be used as they are"},
		{"written by %pre", map[string]string{"a.ks": goodKs + "%include none.ks\n%pre\nx\n%end\n"}, nil,
			"DIR/a.ks: warning: none.ks isn't there; it is not checked, since %pre can write it\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range tt.files {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var out strings.Builder
			args := append(append([]string{"check"}, tt.args...), filepath.Join(dir, "a.ks"))
			err := runKs(context.Background(), args, streams{out: &out, err: &out})
			if diff := cmp.Diff(tt.want, strings.ReplaceAll(out.String(), dir, "DIR")); diff != "" {
				t.Errorf("output (-want +got):\n%s", diff)
			}
			if got := text(err); got != tt.err {
				t.Errorf("error %q, want %q", got, tt.err)
			}
		})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
