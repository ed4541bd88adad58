package deb

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/payload"
)

// kinds is a set with environments, without packages to fetch: choosing needs none.
func kinds() (*Payload, *index) {
	p := &Payload{catalog: media.Catalog{
		Base: []string{"boot", "comfort"}, Boot: []string{"boot"}, Bootstrap: true,
		Firmware: map[string][]string{"bios": {"loader"}},
		Groups: []media.Group{
			{ID: "tools", Packages: []string{"git", "curl"}}, {ID: "web", Packages: []string{"nginx", "curl"}}, {ID: "ssh", Packages: []string{"sshd"}},
		},
		Environments: []media.Environment{{ID: "server", Groups: []string{"tools", "ssh"}}, {ID: "minimal"}},
	}}
	var records []record
	for _, name := range []string{"boot", "comfort", "loader", "git", "curl", "nginx", "sshd", "libc", "vim-tiny", "vim-nox", "lvm2"} {
		records = append(records, record{Package: payload.Package{Name: name, Essential: name == "libc"}})
	}
	return p, newIndex(records)
}

func TestChoose(t *testing.T) {
	for name, test := range map[string]struct {
		software         config.Software
		install, exclude string
		warnings         string
	}{
		"nothing":             {config.Software{}, "boot comfort libc loader lvm2", "", ""},
		"environment":         {config.Software{Environment: "server"}, "boot comfort curl git libc loader lvm2 sshd", "", ""},
		"empty environment":   {config.Software{Environment: "minimal"}, "boot comfort libc loader lvm2", "", ""},
		"without one group":   {config.Software{Environment: "server", Exclude: []string{"@tools"}}, "boot comfort libc loader lvm2 sshd", "curl git", ""},
		"wanted by another":   {config.Software{Groups: []string{"web"}, Exclude: []string{"@tools"}}, "boot comfort curl libc loader lvm2 nginx", "git", ""},
		"wanted by name":      {config.Software{Packages: []string{"gi*"}, Exclude: []string{"@tools"}}, "boot comfort git libc loader lvm2", "curl", ""},
		"named and excluded":  {config.Software{Groups: []string{"ssh"}, Exclude: []string{"@ssh"}}, "boot comfort libc loader lvm2", "sshd", ""},
		"no core":             {config.Software{NoCore: true}, "boot libc loader lvm2", "", ""},
		"no core and a group": {config.Software{NoCore: true, Groups: []string{"ssh"}}, "boot libc loader lvm2 sshd", "", ""},
		"pattern":             {config.Software{Packages: []string{"vim-*"}, Exclude: []string{"vim-n*"}}, "boot comfort libc loader lvm2 vim-tiny", "vim-nox", ""},
		"excludes nothing":    {config.Software{Exclude: []string{"nano"}}, "boot comfort libc loader lvm2", "", `no package "nano" is in this set, so -nano excludes nothing`},
		"excludes no group":   {config.Software{Exclude: []string{"@shh"}}, "boot comfort libc loader lvm2", "", `no group "shh" (did you mean ssh?) is in this set, so -@shh excludes nothing`},
		"missing": {config.Software{IgnoreMissing: true, Environment: "servr", Groups: []string{"tols"}, Packages: []string{"gti", "emacs", "git"}, Exclude: []string{"@games"}},
			"boot comfort git libc loader lvm2", "", `no environment "servr" (did you mean server?) is in this set; it is left out, as --ignoremissing says
no group "tols" (did you mean tools?) is in this set; it is left out, as --ignoremissing says
no group "games" is in this set, so -@games excludes nothing
no package "gti" (did you mean git?) is in this set; it is left out, as --ignoremissing says
no package "emacs" is in this set; it is left out, as --ignoremissing says`},
	} {
		p, x := kinds()
		c, err := p.choose(x, payload.Request{Software: test.software, Firmware: "bios", Extra: []string{"lvm2"}})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := []string{strings.Join(c.install, " "), strings.Join(c.exclude, " "), strings.Join(c.warnings, "\n")}
		if d := cmp.Diff([]string{test.install, test.exclude, test.warnings}, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestChooseRefuses(t *testing.T) {
	p, x := kinds()
	_, err := p.choose(x, payload.Request{Software: config.Software{Environment: "servers", Groups: []string{"webb"}, Exclude: []string{"@shh"}, Packages: []string{"ngnix"}}})
	want := `not on the discs of this set: no environment "servers" (did you mean server?); no group "webb" (did you mean web?); no package "ngnix"`
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
	var unknown *UnknownError
	_, err = p.choose(x, payload.Request{Software: config.Software{IgnoreMissing: true}, Extra: []string{"mdadm"}})
	if !errors.As(err, &unknown) || unknown.Names[0].Name != "mdadm" {
		t.Errorf("what a layout needs was passed over: %v", err)
	}
	p.catalog.Boot = nil
	if _, err = p.choose(x, payload.Request{Software: config.Software{NoCore: true}}); err == nil || !strings.Contains(err.Error(), "base.boot") {
		t.Errorf("without a list: %v", err)
	}
}

// TestNeededStays: what the layout, the firmware and the start need can't be left out, by name or by
// pattern; a group that has it leaves it there.
func TestNeededStays(t *testing.T) {
	for asked, want := range map[string]string{
		"lvm2": "lvm2 is needed for what other lines ask for", "lv*": "leave -lv* out", "loader": "loader is needed for the machine to start with its firmware (bios); leave -loader out",
		"boot": "boot is needed for the machine to start; leave -boot out", "comfort": "", "@disks": "",
	} {
		p, x := kinds()
		p.catalog.Groups = append(p.catalog.Groups, media.Group{ID: "disks", Packages: []string{"lvm2", "nginx"}})
		c, err := p.choose(x, payload.Request{Software: config.Software{Exclude: []string{asked}}, Firmware: "bios", Extra: []string{"lvm2"}})
		var conflict *ConflictError
		switch {
		case want == "" && err != nil, want != "" && (!errors.As(err, &conflict) || !strings.Contains(err.Error(), want)):
			t.Errorf("-%s: %v", asked, err)
		case want == "" && !strings.Contains(strings.Join(c.install, " "), "lvm2"):
			t.Errorf("-%s: %q is installed", asked, c.install)
		}
	}
	p, x := kinds()
	if _, err := p.choose(x, payload.Request{Software: config.Software{Exclude: []string{"lvm2"}}, Firmware: "bios"}); err != nil {
		t.Errorf("lvm2 that nothing needs: %v", err)
	}
}

// TestResolveTells: what is passed over, and what is left out of packages, is part of
// the selection.
func TestResolveTells(t *testing.T) {
	p := small(t).build(t, t.TempDir())
	sel, err := p.Resolve(context.Background(), payload.Request{Software: config.Software{IgnoreMissing: true, ExcludeDocs: true, Packages: []string{"delta", "detla"}}})
	if err != nil {
		t.Fatal(err)
	}
	if len(sel.Warnings) != 1 || !strings.Contains(sel.Warnings[0], "detla") || !strings.Contains(strings.Join(sel.Paths, " "), "path-exclude=/usr/share/doc/*") {
		t.Errorf("warnings %q, rules %q", sel.Warnings, sel.Paths)
	}
	if !hasPackage(sel, "delta") {
		t.Error("what is there was left out, too")
	}
}
