package plan_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/stage2/plan"
)

// TestFormer: what the installer was started from is given back after the switch when the packages come
// from elsewhere, and neither is a disk to install to.
func TestFormer(t *testing.T) {
	const first, second, third = "cdrom:/dev/sr0", "hd:/dev/vdb1:/", "http://example.org/"
	for _, tt := range []struct {
		name   string
		medium handoff.Medium
		former *handoff.Medium
		want   []string // steps about media, in order
	}{
		{"the same", handoff.Medium{URL: first, Device: "/dev/sr0", Mount: "/molt/medium", Disc: 1}, nil,
			[]string{"fetch-1", "release-1", "fetch-2"}},
		{"a disk instead of a disc", handoff.Medium{URL: second, Device: "/dev/vdb1", Mount: "/molt/root/source/1/disc", Disc: 1},
			&handoff.Medium{URL: first, Device: "/dev/sr0", Mount: "/molt/medium", Disc: 1},
			[]string{"release-start", "fetch-1", "release-1", "fetch-2"}},
		{"a server instead of a disc", handoff.Medium{URL: third, Sources: []string{third}, Whole: true, Disc: 1},
			&handoff.Medium{URL: first, Device: "/dev/sr0", Mount: "/molt/medium", Disc: 1},
			[]string{"release-start", "fetch-1", "fetch-2"}},
		{"a disc instead of a server", handoff.Medium{URL: first, Device: "/dev/sr0", Mount: "/molt/root/source/1/disc", Disc: 1},
			&handoff.Medium{URL: third, Sources: []string{third}, Whole: true},
			[]string{"fetch-1", "release-1", "fetch-2"}},
	} {
		in := input(load(t, "bios"))
		in.Handoff.Medium, in.Former = tt.medium, tt.former
		var got []string
		relocated := false
		for _, s := range mustBuild(t, in).Steps {
			switch id := s.ID(); {
			case id == plan.RelocateID:
				relocated = true
			case slices.Contains([]string{"fetch-1", "fetch-2", "release-1", "release-start"}, id):
				got = append(got, id)
				if !relocated {
					t.Errorf("%s: %s comes before the switch", tt.name, id)
				}
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
	in := input(load(t, "bios"))
	disk := in.Machine.Disks[0].Path
	for why, media := range map[string][2]string{
		"the packages are taken from it":    {disk, "/dev/sr0"},
		"the installer was started from it": {"/dev/sr0", disk},
	} {
		in.Handoff.Medium.Device, in.Former = media[0], &handoff.Medium{URL: "hd:x", Device: media[1]}
		_, err := plan.Build(in)
		var problems plan.Problems
		if !errors.As(err, &problems) || !problems.Has(plan.DiskRefused) && !problems.Has(plan.NoTarget) {
			t.Errorf("%s: %v", why, err)
		}
		if !slices.ContainsFunc(problems.Lines(), func(l string) bool { return strings.Contains(l, why) }) {
			t.Errorf("%q does not say %q", problems.Lines(), why)
		}
	}
}
