// Package verity makes and checks the hash trees of the kernel's dm-verity, as
// Documentation/admin-guide/device-mapper/verity.rst describes them: format 1,
// SHA-256, blocks of 4096 bytes, without a salt (its use is against attackers
// who prepare collisions, and SHA-256 has none) and without a superblock.
//
// The tree of an image stands behind the image in the same file, so that one
// loop device holds both and one switch exchanges both. What the tree's root
// covers is known from the root alone: 32 bytes.
//
// It is pure: it reads and writes nothing but what it is given, and it doesn't
// talk to the device mapper. That is stage 1's.
package verity

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
)

const (
	// BlockSize is the size of a data block and of a hash block, bytes.
	BlockSize = 4096
	perBlock  = BlockSize / sha256.Size // digests in a hash block
)

// Params are what must be known of an image to check it.
type Params struct {
	Blocks int64  `json:"blocks"` // of data; the tree begins at Blocks × BlockSize
	Root   string `json:"root"`   // SHA-256 of the topmost hash block, lower-case hex
}

// ErrCorrupt is content that isn't what the root covers.
var ErrCorrupt = errors.New("isn't what its hash tree covers")

// BlockError says which block is corrupt.
type BlockError struct {
	Block int64 // of data, from 0; of the tree when Tree is set
	Tree  bool
}

func (e *BlockError) Error() string {
	if e.Tree {
		return fmt.Sprintf("block %d of the hash tree %v", e.Block, ErrCorrupt)
	}
	return fmt.Sprintf("block %d (at byte %d) %v", e.Block, e.Block*BlockSize, ErrCorrupt)
}

func (e *BlockError) Unwrap() error { return ErrCorrupt }

// Data is how many bytes the tree covers.
func (p Params) Data() int64 { return p.Blocks * BlockSize }

// TreeSize is how many bytes the tree takes behind the data.
func (p Params) TreeSize() int64 {
	var n int64
	for _, blocks := range levels(p.Blocks) {
		n += blocks
	}
	return n * BlockSize
}

// levels are the numbers of hash blocks of each level, topmost first. A single
// data block has none: its own digest is the root.
func levels(blocks int64) []int64 {
	var list []int64
	for n := blocks; n > 1; {
		n = (n + perBlock - 1) / perBlock
		list = append([]int64{n}, list...)
	}
	return list
}

// Build reads data to its end and returns its tree, the topmost level first, as
// it stands on a device. The length must be a positive multiple of BlockSize.
func Build(data io.Reader) (tree []byte, p Params, err error) {
	var digests []byte
	block := make([]byte, BlockSize)
	for {
		_, err := io.ReadFull(data, block)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, p, fmt.Errorf("hash block %d: %w", p.Blocks, err)
		}
		digests = appendDigest(digests, block)
		p.Blocks++
	}
	if p.Blocks == 0 {
		return nil, p, errors.New("nothing to make a hash tree of")
	}
	for len(digests) > sha256.Size {
		level := pad(digests)
		tree = append(level, tree...)
		digests = nil
		for at := 0; at < len(level); at += BlockSize {
			digests = appendDigest(digests, level[at:at+BlockSize])
		}
	}
	p.Root = hex.EncodeToString(digests)
	return tree, p, nil
}

func appendDigest(list, block []byte) []byte {
	sum := sha256.Sum256(block)
	return append(list, sum[:]...)
}

// pad fills the last block up with zeros.
func pad(level []byte) []byte {
	n := (len(level) + BlockSize - 1) / BlockSize * BlockSize
	return append(level[:len(level):len(level)], make([]byte, n-len(level))...)
}

// Verifier checks blocks of data. It can be used by several goroutines.
type Verifier struct {
	params Params
	leaves []byte // a digest for each block of data
}

// New checks a whole tree against its root, and is ready to check data then.
func New(p Params, tree []byte) (*Verifier, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	if int64(len(tree)) != p.TreeSize() {
		return nil, fmt.Errorf("the hash tree of %d blocks has %d bytes, not %d", p.Blocks, p.TreeSize(), len(tree))
	}
	above, err := hex.DecodeString(p.Root)
	if err != nil {
		return nil, err
	}
	done := int64(0)
	for _, blocks := range levels(p.Blocks) {
		level := tree[done*BlockSize : (done+blocks)*BlockSize]
		for i := range blocks {
			if !matches(level[i*BlockSize:(i+1)*BlockSize], above, i) {
				return nil, &BlockError{done + i, true}
			}
		}
		above, done = level, done+blocks
	}
	return &Verifier{p, above}, nil
}

func (p Params) check() error {
	const most = 1 << 40 // blocks: 4 PiB
	if b, err := hex.DecodeString(p.Root); err != nil || len(b) != sha256.Size {
		return fmt.Errorf("%q is no root of a hash tree: SHA-256 in hex is wanted", p.Root)
	}
	if p.Blocks < 1 || p.Blocks > most {
		return fmt.Errorf("a hash tree of %d blocks makes no sense", p.Blocks)
	}
	return nil
}

// Check checks data, whole blocks that begin at byte off of the image. An
// error is a *BlockError for the first that is corrupt.
func (v *Verifier) Check(data []byte, off int64) error {
	if off < 0 || off%BlockSize != 0 || len(data)%BlockSize != 0 || off+int64(len(data)) > v.params.Data() {
		return fmt.Errorf("%d bytes at %d are no whole blocks of %d bytes of data", len(data), off, v.params.Data())
	}
	for at := 0; at < len(data); at += BlockSize {
		n := (off + int64(at)) / BlockSize
		if !matches(data[at:at+BlockSize], v.leaves, n) {
			return &BlockError{Block: n}
		}
	}
	return nil
}

// matches compares a block with the n-th digest of a list.
func matches(block, digests []byte, n int64) bool {
	sum := sha256.Sum256(block)
	return bytes.Equal(sum[:], digests[n*sha256.Size:(n+1)*sha256.Size])
}
