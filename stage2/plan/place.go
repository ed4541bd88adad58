package plan

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/media/fetch"
	"github.com/molt-installer/molt/stage2/payload"
)

// Medium opens the discs that nobody has to put into a drive: those at a server,
// in a tree with the files of all, or in images beside each other.
type Medium interface {
	// Tree is the files of a disc. root is where they are mounted; empty when
	// they are read from servers or out of an image. The tree must be closed.
	Tree(ctx context.Context, disc int) (tree fetch.Tree, root string, err error)
}

// allAtHand reports whether no disc has to be put into a drive.
func (b *builder) allAtHand() bool { return b.Handoff.Medium.Whole || b.Handoff.Medium.Images != "" }

func (b *builder) fromOrOf() string {
	if b.allAtHand() {
		return "of"
	}
	return "from"
}

// placeSteps take from one place what is on all the discs that are needed, and
// free it, where it is mounted.
func (b *builder) placeSteps() {
	m := b.Handoff.Medium
	for _, n := range b.plan.Discs {
		b.add(fetchPlace{b.fetchBase(n), n, b.Selection})
	}
	if m.Mount != "" && m.Images == "" {
		b.add(release{base{"release-1", "Give " + m.URL + " back", 1}, handoff.Outside + m.Mount, m.URL, false})
	}
}

// fetchPlace takes what is needed of a disc from where all discs are.
type fetchPlace struct {
	base
	disc      int
	selection *payload.Selection
}

func (s fetchPlace) Run(ctx context.Context, env *Env) error {
	tree, root, err := env.Medium.Tree(ctx, s.disc)
	if err != nil {
		return fmt.Errorf("open disc %d: %w", s.disc, err)
	}
	defer tree.Close()
	return takeFrom(ctx, env, s.selection, s.disc, tree, root)
}

// checkImage reads all of an image that has been read only where it was needed.
// What is wrong with it is known then before anything is written, and what memory
// there is holds it for the copy.
type checkImage struct {
	base
	image media.File
	path  string
}

func (s checkImage) Run(ctx context.Context, env *Env) error {
	got, err := env.Host.Digest(ctx, s.path, func(done int64) { advance(env, done, s.image.Size, "bytes", s.path) })
	switch {
	case errors.Is(err, syscall.EIO):
		return fmt.Errorf("the installer's image can't be read whole: it is damaged at every server that answers, or none does (stage 1's log says which). Nothing has been written: %w", err)
	case err != nil:
		return fmt.Errorf("read the installer's image %s: %w", s.path, err)
	case got.Bytes != s.image.Size || got.SHA256 != s.image.SHA256:
		return fmt.Errorf("the installer's image is not the one of this build: SHA-256 %s instead of %s. Nothing has been written", got.SHA256, s.image.SHA256)
	}
	return nil
}
