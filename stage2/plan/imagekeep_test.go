package plan

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/stage2/payload"
)

// TestHalfImage: a kept /boot would have another system's kernels, and none of the image's.
func TestHalfImage(t *testing.T) {
	for mount, code := range map[string]Code{"/boot": NotSupported, "/var": NotSupported, "/boot/efi": "", "/home": ""} {
		b := &builder{}
		b.Selection = &payload.Selection{Image: &payload.Image{URL: "http://server/i"}}
		b.Answers.Source.Kind = "liveimg"
		b.plan.Disks = []Disk{{Path: "/dev/sda", Parts: []Volume{{Device: "/dev/sda1", Mount: mount, FSType: "ext4", NoFormat: true}}}}
		b.image()
		if b.problems.Has(NotSupported) != (code != "") {
			t.Errorf("%s is kept: %v", mount, b.problems)
		}
	}
}

// TestImageKeeps: the step that unpacks an image knows which file systems' content stays, and nobody else does.
func TestImageKeeps(t *testing.T) {
	b := &builder{}
	b.Selection = &payload.Selection{Image: &payload.Image{URL: "http://server/i"}}
	b.Answers.Boot.Location = "none"
	b.plan.Disks = []Disk{{Path: "/dev/sda", Parts: []Volume{
		{Device: "/dev/sda1", Mount: "/boot/efi", FSType: "vfat", NoFormat: true}, {Device: "/dev/sda2", Mount: "/", FSType: "ext4"},
		{Device: "/dev/sda3", Mount: "swap", FSType: "swap", NoFormat: true}, {Device: "/dev/sda4", NoFormat: true},
	}}}
	b.plan.Volumes = []Volume{{Device: "/dev/md0", Mount: "/home", FSType: "xfs", NoFormat: true}}
	b.systemSteps()
	var keep []string
	for _, s := range b.plan.Steps {
		if s, is := s.(install); is {
			keep = s.selection.Image.Keep
		}
	}
	if d := cmp.Diff([]string{"/boot/efi", "/home"}, keep); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if len(b.Selection.Image.Keep) > 0 {
		t.Error("the selection was changed")
	}
}
