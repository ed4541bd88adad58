package disc

import (
	"path/filepath"
	"strings"
	"testing"
)

const smallest = `product = "Tiny"
version = "1"
[archive]
suite = "trixie"
[base]
packages = ["hello"]
`

func TestExamplesLoad(t *testing.T) {
	files, err := filepath.Glob("../../examples/*/distro.toml")
	if err != nil || len(files) == 0 {
		t.Fatalf("examples: %v, %v", files, err)
	}
	for _, f := range files {
		d, err := Load(filepath.Dir(f))
		if err != nil {
			t.Error(err)
			continue
		}
		if d.Name != filepath.Base(filepath.Dir(f)) || d.Boot.Kernel == "" || d.Boot.Timeout == 0 {
			t.Errorf("%s: %+v", f, d)
		}
	}
}

func TestParseDistroRefuses(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"unknown key":       {smallest + "pakages = []\n", "x.toml:7: unknown key base.pakages"},
		"unknown table":     {smallest + "[bot]\ntimeout = 1\n", "x.toml:7: unknown key bot"},
		"unknown in group":  {smallest + "[[group]]\nid = \"a\"\npackages = [\"b\"]\ndisk = 2\n", "x.toml:10: unknown key group.disk"},
		"syntax":            {smallest + "x = = 1\n", "x.toml:7:"},
		"no packages":       {"product = \"T\"\nversion = \"1\"\n[archive]\nsuite = \"s\"\n", "base.packages is empty"},
		"other arch":        {"arch = \"riscv64\"\n" + smallest, "only amd64"},
		"firmware":          {smallest + "[base.firmware]\nefi = [\"x\"]\n", "it is bios or uefi"},
		"twice":             {smallest + "[[group]]\nid = \"a\"\npackages = [\"b\"]\n[[group]]\nid = \"a\"\npackages = [\"b\"]\n", "twice"},
		"disc without any":  {smallest + "[[group]]\nid = \"a\"\npackages = [\"b\"]\ndisc = 3\n", "no group is on disc 2"},
		"group of nothing":  {smallest + "[[group]]\nid = \"a\"\n", "has no packages"},
		"group without id":  {smallest + "[[group]]\ntitle = \"a\"\npackages = [\"b\"]\n", "without an id"},
		"no such group":     {smallest + "[[environment]]\nid = \"a\"\ngroups = [\"b\"]\n", `environment "a" has the group "b", which isn't there`},
		"environment twice": {smallest + "[[environment]]\nid = \"a\"\n[[environment]]\nid = \"a\"\n", `environment "a" is there twice`},
		"environment's id":  {smallest + "[[environment]]\ntitle = \"a\"\n", "an environment without an id"},
		"product is needed": {strings.Replace(smallest, "product", "#", 1), "product is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseDistro("x.toml", tc.text)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q in it", err, tc.want)
			}
		})
	}
}

func TestMenu(t *testing.T) {
	d, err := parseDistro("x.toml", smallest+"[boot]\nappend = \"no_timer_check\"\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, menu := range []string{d.isolinuxConfig(), d.grubConfig()} {
		if n := strings.Count(menu, "no_timer_check"); n != len(d.entries()) {
			t.Errorf("append is on %d entries of %d:\n%s", n, len(d.entries()), menu)
		}
		if !strings.Contains(menu, "115200") {
			t.Errorf("no serial line:\n%s", menu)
		}
	}
	// The kernel's /dev/console, where a person is asked, is the last one.
	for id, last := range map[string]string{"install": "console=tty0", "serial": "console=ttyS0,115200n8"} {
		for _, e := range d.entries() {
			if e.id == id && !strings.Contains(e.options, last+" quiet") {
				t.Errorf("%s: %s", id, e.options)
			}
		}
	}
}

func FuzzParseDistro(f *testing.F) {
	f.Add(smallest)
	f.Add(smallest + "[[group]]\nid = \"a\"\ndisk = 2\n")
	f.Add("a.b = 1\n[a]\n")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := parseDistro("x.toml", text)
		if err == nil && d.Discs() < 1 {
			t.Errorf("accepted: %+v", d)
		}
	})
}
