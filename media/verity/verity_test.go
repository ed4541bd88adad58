package verity

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

func image(blocks int64) []byte {
	data := make([]byte, blocks*BlockSize)
	r := rand.NewChaCha8([32]byte{byte(blocks)})
	_, _ = r.Read(data)
	return data
}

// sizes have no level, one, a full one, two, and three.
func sizes() []int64 { return []int64{1, 2, 128, 129, 128*128 + 1} }

func TestBuildAndCheck(t *testing.T) {
	for _, blocks := range sizes() {
		data := image(blocks)
		tree, p, err := Build(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if p.Blocks != blocks || int64(len(tree)) != p.TreeSize() {
			t.Errorf("%d blocks: %+v with a tree of %d bytes, not %d", blocks, p, len(tree), p.TreeSize())
		}
		v, err := New(p, tree)
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Check(data, 0); err != nil {
			t.Errorf("%d blocks: %v", blocks, err)
		}
	}
}

// TestFlippedBit: a bit in the first block, the last, or anywhere in the tree.
func TestFlippedBit(t *testing.T) {
	data := image(129)
	tree, p, err := Build(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	v, err := New(p, tree)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int{0, len(data) / 2, len(data) - 1} {
		data[at] ^= 1
		var bad *BlockError
		if err := v.Check(data, 0); !errors.As(err, &bad) || bad.Tree || bad.Block != int64(at/BlockSize) {
			t.Errorf("bit at %d: %v", at, err)
		}
		if err := v.Check(data[at/BlockSize*BlockSize:][:BlockSize], int64(at/BlockSize*BlockSize)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("bit at %d, alone: %v", at, err)
		}
		data[at] ^= 1
	}
	for at := range tree {
		if at%997 != 0 && at != len(tree)-1 {
			continue
		}
		tree[at] ^= 1
		var bad *BlockError
		if _, err := New(p, tree); !errors.As(err, &bad) || !bad.Tree || bad.Block != int64(at/BlockSize) {
			t.Errorf("bit at %d of the tree: %v", at, err)
		}
		tree[at] ^= 1
	}
}

func TestBadInput(t *testing.T) {
	if _, _, err := Build(bytes.NewReader(nil)); err == nil {
		t.Error("a tree of nothing")
	}
	if _, _, err := Build(bytes.NewReader(make([]byte, BlockSize+1))); err == nil {
		t.Error("a tree of a block and a byte")
	}
	tree, p, err := Build(bytes.NewReader(image(200)))
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []Params{{}, {Blocks: 200}, {200, "zz"}, {-1, p.Root}, {201 * 128, p.Root}, {1 << 60, p.Root}} {
		if _, err := New(bad, tree); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
	v, err := New(p, tree)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range [][2]int64{{1, BlockSize}, {0, 100}, {-BlockSize, BlockSize}, {200 * BlockSize, BlockSize}} {
		if err := v.Check(make([]byte, r[1]), r[0]); err == nil || errors.Is(err, ErrCorrupt) {
			t.Errorf("%v: %v", r, err)
		}
	}
}

// TestVeritysetup compares with the tool that the kernel's format is known by.
func TestVeritysetup(t *testing.T) {
	tool, err := exec.LookPath("veritysetup")
	if err != nil {
		t.Skip("needs veritysetup (package cryptsetup-bin)")
	}
	for _, blocks := range sizes()[1:] { // with one block veritysetup makes a level of its own
		dir := t.TempDir()
		data, hashes := filepath.Join(dir, "data"), filepath.Join(dir, "tree")
		if err := os.WriteFile(data, image(blocks), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(tool, "format", "--no-superblock", "--salt=-", "--hash=sha256",
			fmt.Sprintf("--data-blocks=%d", blocks), data, hashes).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		tree, p, err := Build(bytes.NewReader(image(blocks)))
		if err != nil {
			t.Fatal(err)
		}
		root := regexp.MustCompile(`Root hash:\s+([0-9a-f]+)`).FindSubmatch(out)
		if root == nil || string(root[1]) != p.Root {
			t.Errorf("%d blocks: the root is %s, veritysetup says\n%s", blocks, p.Root, out)
		}
		theirs, err := os.ReadFile(hashes)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(tree, theirs) {
			t.Errorf("%d blocks: the tree differs from veritysetup's (%d and %d bytes)", blocks, len(tree), len(theirs))
		}
	}
}

func FuzzNew(f *testing.F) {
	tree, p, err := Build(bytes.NewReader(image(130)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(tree, p.Blocks, p.Root)
	f.Add([]byte{}, int64(1), p.Root)
	f.Fuzz(func(t *testing.T, tree []byte, blocks int64, root string) {
		v, err := New(Params{blocks, root}, tree)
		if err == nil && v.params.Data() > 0 {
			_ = v.Check(make([]byte, BlockSize), 0)
		}
	})
}
