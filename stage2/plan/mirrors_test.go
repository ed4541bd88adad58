package plan_test

import (
	"strings"
	"testing"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/payload"
	"github.com/molt-installer/molt/stage2/plan"
)

func TestMirrors(t *testing.T) {
	mirror := func(name, url string, way config.Transfer) config.Mirror {
		return config.Mirror{Name: name, URL: url, Transfer: way}
	}
	proxy := config.Transfer{Proxy: "http://proxy:3128"}
	for name, c := range map[string]struct {
		mirrors  []config.Mirror
		problem  string
		warnings string // all of them
	}{
		"plain":        {mirrors: []config.Mirror{mirror("a", "http://a/debian", config.Transfer{})}},
		"proxy":        {mirrors: []config.Mirror{mirror("a", "http://a/debian", proxy), mirror("b", "http://a/more", proxy)}},
		"two ways":     {mirrors: []config.Mirror{mirror("a", "http://a/debian", proxy), mirror("b", "http://a/more", config.Transfer{})}, problem: "repo --name=b: repo a is at the same server"},
		"IPv6":         {mirrors: []config.Mirror{mirror("a", "http://[2001:db8::1]/debian", proxy)}, problem: "numeric IPv6"},
		"a URL":        {mirrors: []config.Mirror{mirror("a", "https://a/", config.Transfer{CACert: "http://a/ca.pem"})}, problem: "is no path on the new system"},
		"%certificate": {mirrors: []config.Mirror{mirror("a", "https://a/", config.Transfer{CACert: "file:///etc/own/ca.pem"})}},
		"unmade":       {mirrors: []config.Mirror{mirror("a", "https://a/", config.Transfer{ClientKey: "/etc/own/key.pem"})}, warnings: "no %certificate section makes /etc/own/key.pem"},
		"no check":     {mirrors: []config.Mirror{mirror("a", "https://a/", config.Transfer{NoVerify: true})}, warnings: "--noverifyssl"},
	} {
		t.Run(name, func(t *testing.T) {
			in := input(load(t, "bios"))
			in.Answers.Mirrors = c.mirrors
			in.Selection.Packages = append(in.Selection.Packages, payload.Package{Name: "apt", Disc: 1})
			in.Answers.Certificates = []config.Certificate{{Filename: "ca.pem", Dir: "/etc/own"}}
			before := len(mustBuild(t, input(load(t, "bios"))).Warnings)
			p, err := plan.Build(in)
			if c.problem != "" {
				if err == nil || !strings.Contains(err.Error(), c.problem) {
					t.Errorf("%v\ndoesn't say %q", err, c.problem)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(p.Warnings[before:], "\n")
			if (c.warnings == "") != (got == "") || !strings.Contains(got, c.warnings) {
				t.Errorf("warnings %q, want %q", got, c.warnings)
			}
		})
	}
}

// TestNoMirrors: where nothing comes of an archive, that is said of each.
func TestNoMirrors(t *testing.T) {
	without := input(load(t, "bios"))
	image := fromImage(t, payload.Image{URL: "http://server/i", Size: 1, Installed: 1})
	for want, in := range map[string]plan.Input{"apt isn't among the packages": without, "with liveimg": image} {
		in.Answers.Mirrors = []config.Mirror{{Name: "a", URL: "http://a/debian"}, {Name: "b", URL: "http://b/debian"}}
		var got []string
		for _, w := range mustBuild(t, in).Warnings {
			if strings.HasPrefix(w, "repo --name=") && strings.Contains(w, "the new system is not told of it: ") && strings.Contains(w, want) {
				got = append(got, w)
			}
		}
		if len(got) != 2 {
			t.Errorf("%s: warnings %q", want, got)
		}
	}
}

func mustBuild(t *testing.T, in plan.Input) *plan.Plan {
	t.Helper()
	p, err := plan.Build(in)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
