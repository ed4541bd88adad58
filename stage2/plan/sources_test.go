package plan_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/plan"
)

// TestSources: what stage 1 went by is fine, what it didn't is a problem, and what the
// boot options say otherwise is a warning.
func TestSources(t *testing.T) {
	url := config.Source{Kind: "url", URL: "http://10.0.0.1/tree"}
	for name, c := range map[string]struct {
		source  config.Source
		updates string
		drivers []config.DriverDisk
		read    *handoff.Kickstart
		medium  handoff.Medium
		problem string
		warning string
	}{
		"none":        {},
		"cdrom":       {source: config.Source{Kind: "cdrom"}},
		"url":         {source: url, read: &handoff.Kickstart{Repo: url.URL}},
		"nfs":         {source: config.Source{Kind: "nfs", Server: "10.0.0.1", Dir: "/x"}, read: &handoff.Kickstart{Repo: "nfs:10.0.0.1:/x"}},
		"harddrive":   {source: config.Source{Kind: "harddrive", Partition: "LABEL=A b", Dir: "/x"}, read: &handoff.Kickstart{Repo: `hd:LABEL=A\x20b:/x`}},
		"by %pre":     {source: url, read: &handoff.Kickstart{}, problem: "http://10.0.0.1/tree is carried out by the first stage, which hasn't read it"},
		"no stage 1":  {source: url, problem: "inst.repo="},
		"another":     {source: url, read: &handoff.Kickstart{Repo: "http://10.0.0.2/"}, problem: "hasn't read it"},
		"taken back":  {source: config.Source{Kind: "cdrom"}, read: &handoff.Kickstart{Repo: url.URL}, problem: "gone by it"},
		"overruled":   {source: url, read: &handoff.Kickstart{Repo: url.URL, Overruled: []string{"inst.repo"}}, warning: "url: inst.repo= of the boot options wins"},
		"online":      {source: config.Source{Kind: "cdrom"}, medium: handoff.Medium{URL: "http://x/", Sources: []string{"http://x/"}, Whole: true}, warning: "cdrom: the packages come from http://x/"},
		"updates":     {updates: "http://x/u.img", read: &handoff.Kickstart{Updates: "http://x/u.img"}},
		"own updates": {updates: "http://x/u.img", read: &handoff.Kickstart{}, problem: "inst.updates="},
		"driverdisk":  {drivers: []config.DriverDisk{{Partition: "sdb1"}, {URL: "http://x/dd"}}, read: &handoff.Kickstart{Drivers: []string{"hd:sdb1", "http://x/dd"}}},
		"late driver": {drivers: []config.DriverDisk{{Partition: "sdb1"}}, read: &handoff.Kickstart{}, problem: "inst.dd="},
	} {
		t.Run(name, func(t *testing.T) {
			in := input(load(t, "bios"))
			in.Answers.Source, in.Answers.Updates, in.Answers.DriverDisks, in.Handoff.Kickstart = c.source, c.updates, c.drivers, c.read
			if c.medium.URL != "" {
				in.Handoff.Medium = c.medium
			}
			p, err := plan.Build(in)
			var problems plan.Problems
			errors.As(err, &problems)
			switch {
			case c.problem == "" && err != nil:
				t.Error(err)
			case c.problem != "" && (len(problems) != 1 || problems[0].Code != plan.NotSupported || !strings.Contains(err.Error(), c.problem)):
				t.Errorf("%v\ndoesn't say %q", err, c.problem)
			case c.warning != "" && !slices.ContainsFunc(p.Warnings, func(w string) bool { return strings.HasPrefix(w, c.warning) }):
				t.Errorf("%q\ndon't say %q", p.Warnings, c.warning)
			}
		})
	}
}
