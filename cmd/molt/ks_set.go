package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/klauspost/compress/zstd"
	"github.com/u-root/mkuimage/cpio"

	"github.com/molt-installer/molt/internal/linuxhost"
	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/media/fetch"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/payload"
	"github.com/molt-installer/molt/stage2/payload/deb"
	"github.com/molt-installer/molt/stage2/plan"
)

// builtSet is a set as molt build leaves it, with its payload, as an installation has
// it. Nothing is installed; apt works in a directory of its own.
type builtSet struct {
	tree  string // what the netboot tree is: all discs' files
	build media.Build
	pay   *deb.Payload
	work  string
	last  *payload.Selection // that was resolved
}

func openBuiltSet(ctx context.Context, dir string) (*builtSet, error) {
	s := &builtSet{tree: filepath.Join(dir, "netboot")}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return nil, fmt.Errorf("look into the set %s: apt decides what is needed, and it is not installed here: %w", dir, err)
	}
	build, err := readBuild(filepath.Join(s.tree, "initrd.img"))
	if err != nil {
		return nil, fmt.Errorf("look into the set %s (make iso makes it): %w", dir, err)
	}
	s.build = *build
	if s.work, err = os.MkdirTemp("", "molt-ks-"); err != nil {
		return nil, err
	}
	s.pay, err = deb.New(ctx, deb.Config{Build: s.build, Disc1: fetch.Dir(s.tree), Whole: true, Commands: linuxhost.New(), WorkDir: s.work})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("look into the set %s: %w", dir, err), s.Close())
	}
	return s, nil
}

// Close removes apt's directory.
func (s *builtSet) Close() error { return os.RemoveAll(s.work) }

// resolve is what an installation with these answers installs.
func (s *builtSet) resolve(ctx context.Context, a config.Answers, m machine.Machine) (*payload.Selection, error) {
	sel, err := s.pay.Resolve(ctx, payload.Request{Software: a.Software, Firmware: string(m.Firmware), Extra: plan.ExtraPackages(a, m)})
	s.last = sel
	return sel, err
}

// readBuild reads the manifest in an initramfs of ours: newc in zstd.
func readBuild(initrd string) (*media.Build, error) {
	f, err := os.Open(initrd)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := zstd.NewReader(f)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	archive, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("unpack %s: %w", initrd, err)
	}
	r := cpio.Newc.Reader(bytes.NewReader(archive))
	for {
		record, err := r.ReadRecord()
		if err != nil {
			return nil, fmt.Errorf("find %s in %s: %w", media.BuildPath, initrd, err)
		}
		if "/"+record.Name != media.BuildPath {
			continue
		}
		var b media.Build
		if err := json.NewDecoder(io.NewSectionReader(record, 0, int64(record.FileSize))).Decode(&b); err != nil {
			return nil, fmt.Errorf("parse %s in %s: %w", media.BuildPath, initrd, err)
		}
		return &b, nil
	}
}
