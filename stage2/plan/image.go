package plan

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/payload"
)

// image checks what is asked for together with an image.
func (b *builder) image() {
	switch {
	case b.Answers.Source.Kind != "liveimg":
	case b.Selection.Image == nil:
		b.problems.Add(NotSupported, "liveimg", "this installer makes no system of an image; leave it out")
	case !reflect.DeepEqual(b.Answers.Software, config.Software{}):
		b.plan.Warnings = append(b.plan.Warnings, "%packages: nothing of it is installed: the system is what is in the image")
	}
	if b.Selection.Image != nil {
		b.halfImage()
	}
}

// halfImage refuses to leave out what a system can't be without: its part of /boot would be the
// kernels of another.
func (b *builder) halfImage() {
	for _, v := range b.plan.volumes() {
		if v.NoFormat && slices.Contains([]string{"/boot", "/usr", "/var", "/etc"}, v.Mount) {
			b.problems.Add(NotSupported, v.Mount, "is to be kept, and the image's part of it would be left out; format it, or don't mount it")
		}
	}
}

// unpacked is the selection for the step that unpacks it: with what the image mustn't write over.
func (b *builder) unpacked() *payload.Selection {
	if b.Selection.Image == nil {
		return b.Selection
	}
	sel, im := *b.Selection, *b.Selection.Image
	for _, v := range b.plan.volumes() {
		if v.NoFormat && strings.HasPrefix(v.Mount, "/") && v.Mount != "/" {
			im.Keep = append(im.Keep, v.Mount)
		}
	}
	sel.Image = &im
	return &sel
}

// installBase is the step that makes the target a system.
func (b *builder) installBase() base {
	if im := b.Selection.Image; im != nil {
		return base{"install", "Unpack the image", 5 + weight(max(im.Size, im.Installed))}
	}
	n := len(b.Selection.Packages)
	return base{"install", fmt.Sprintf("Install %d %s", n, machine.Plural(n, "package")), 5 + n/2}
}

func (b *builder) finishBase() base {
	if b.Selection.Image != nil {
		return base{"finish", "Fit the image's kernels to this machine", 30}
	}
	return base{"finish", "Finish the packages' installation", 10}
}

// sizeOf is an image's size, in words that go behind its name.
func sizeOf(im *payload.Image) string {
	if im.Size < 0 {
		return " (nobody says how large)"
	}
	return " (" + machine.Size(im.Size) + ")"
}

// fetchImage takes an image that is on no disc.
type fetchImage struct {
	base
	selection *payload.Selection
}

func (s fetchImage) Run(ctx context.Context, env *Env) error {
	return env.Payload.Fetch(ctx, payload.Fetch{Selection: s.selection, Target: Target, Progress: reporter{env}})
}
