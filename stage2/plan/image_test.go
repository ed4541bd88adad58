package plan_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/payload"
	"github.com/molt-installer/molt/stage2/plan"
)

// fromImage is an installation from an image instead of packages.
func fromImage(t *testing.T, im payload.Image) plan.Input {
	t.Helper()
	in := input(load(t, "bios"))
	in.Answers.Source = config.Source{Kind: "liveimg", URL: im.URL}
	in.Answers.Software = config.Software{}
	in.Selection = &payload.Selection{Image: &im, Warnings: []string{"of the image"}}
	return in
}

func stepIDs(p *plan.Plan) (ids []string) {
	for _, s := range p.Steps {
		ids = append(ids, s.ID())
	}
	return ids
}

// TestImage: an image is fetched once the medium has been given back, and one on the medium before.
func TestImage(t *testing.T) {
	const url = "http://server/golden.tar.zst"
	far, err := plan.Build(fromImage(t, payload.Image{URL: url, Size: 300 << 20, Installed: 1 << 30}))
	if err != nil {
		t.Fatal(err)
	}
	steps := strings.Join(stepIDs(far), " ")
	if !strings.Contains(steps, "relocate release-1 fetch-image ") || !strings.Contains(steps, " fstab install system ") || !strings.Contains(steps, " finish tables bootloader ") {
		t.Errorf("steps %s", steps)
	}
	text := far.Text()
	for _, want := range []string{"the image " + url + " (300 MiB)", "Unpack the image", "Copy the image " + url, "Mind: of the image"} {
		if !strings.Contains(text, want) {
			t.Errorf("nothing of %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "ackages") {
		t.Errorf("there is talk of packages:\n%s", text)
	}
	near, err := plan.Build(fromImage(t, payload.Image{URL: "file:///images/a.tar", Size: 300 << 20, Installed: 1 << 30, Disc: 1}))
	if err != nil {
		t.Fatal(err)
	}
	if steps := strings.Join(stepIDs(near), " "); !strings.Contains(steps, "relocate fetch-1 release-1 ") || strings.Contains(steps, "fetch-image") {
		t.Errorf("steps %s", steps)
	}
}

func TestImageRefused(t *testing.T) {
	large := fromImage(t, payload.Image{URL: "http://server/i", Size: 1 << 40, Installed: 3 << 40})
	var problems plan.Problems
	if _, err := plan.Build(large); !errors.As(err, &problems) || problems[0].Code != plan.TooSmall || !strings.Contains(err.Error(), "a smaller image") {
		t.Errorf("too large: %v", err)
	}
	packages := fromImage(t, payload.Image{})
	packages.Selection = selection()
	if _, err := plan.Build(packages); !errors.As(err, &problems) || problems[0].Code != plan.NotSupported {
		t.Errorf("of an installer that knows no images: %v", err)
	}
	both := fromImage(t, payload.Image{URL: "http://server/i", Size: -1})
	both.Answers.Software.Packages = []string{"vim"}
	p, err := plan.Build(both)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(p.Warnings, func(w string) bool { return strings.HasPrefix(w, "%packages: ") }) {
		t.Errorf("warnings %q", p.Warnings)
	}
}
