package reach

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/media/fetch"
)

// errNoTree is a place where nothing of a set is.
var errNoTree = errors.New("there is no disc of a set: it has no " + media.DiscInfoPath)

// check says why the place is not disc 1, or all discs, of the very build that the initramfs knows; and
// whether the files of all discs are there.
func check(ctx context.Context, tree fetch.Tree, b media.Build) (whole bool, err error) {
	data, err := fetch.ReadAll(ctx, tree, media.DiscInfoPath, 64<<10)
	if err != nil {
		return false, fmt.Errorf("%w: %w", errNoTree, plainly(err))
	}
	info, err := media.ParseDiscInfo(data)
	if err != nil {
		return false, fmt.Errorf("%w that can be read: %w", errNoTree, err)
	}
	d := media.Disc{State: media.Known, Info: info}
	switch {
	case info.ID != b.Set.ID:
		return false, fmt.Errorf("it has %s of the build %s, and this installer is of %s, build %s: the packages must be those of its own build",
			info.Release, info.ID, b.Set.Name(), b.Set.ID)
	case !d.Is(b.Set, 1):
		return false, errors.New("it has " + d.Explain(b.Set, 1))
	}
	return isWhole(d, b.Set), checkIndex(ctx, tree, b.Index)
}

// isWhole reports whether the files of all discs are there.
func isWhole(d media.Disc, set media.Set) bool {
	for n := 1; n <= set.Discs; n++ {
		if !d.Is(set, n) {
			return false
		}
	}
	return true
}

// checkIndex compares the list of packages, which vouches for each of them.
func checkIndex(ctx context.Context, tree fetch.Tree, want media.File) error {
	if want.Path == "" {
		return nil // a set without packages
	}
	data, err := fetch.ReadAll(ctx, tree, want.Path, want.Size)
	if err != nil {
		return fmt.Errorf("the list of its packages: %w", plainly(err))
	}
	sum := sha256.Sum256(data)
	if got := hex.EncodeToString(sum[:]); got != want.SHA256 {
		return fmt.Errorf("its list of packages (%s) is damaged or of another build: SHA-256 %s instead of %s", want.Path, got, want.SHA256)
	}
	return nil
}

// plainly leaves out of an error the place, which is said anyway.
func plainly(err error) error {
	if e, ok := errors.AsType[*fetch.Error](err); ok {
		if e.File == "" {
			return &wordsError{e.Why(), err}
		}
		return &wordsError{e.File + ": " + e.Why(), err}
	}
	return err
}
