package main

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/payload"
)

// interpreters warns of scripts that nothing could run: a %post script needs its interpreter
// in a package of the selection, the others in the installer's image. What a package's
// own scripts make of links can only be guessed, so it is no error.
func (s *builtSet) interpreters(ctx context.Context, a config.Answers) ([]string, error) {
	var warnings []string
	known := map[string]bool{}
	for _, script := range a.Scripts {
		program := cmp.Or(script.Interpreter, "/bin/sh")
		inTarget := script.Kind == config.Post && !script.NoChroot
		has, asked := known[fmt.Sprint(inTarget, program)]
		if !asked {
			var err error
			if has, err = s.has(ctx, program, inTarget); err != nil {
				return warnings, err
			}
			known[fmt.Sprint(inTarget, program)] = has
		}
		where := "the installer's image doesn't have it"
		if inTarget {
			where = "no package that will be installed has it; add one to %packages"
		}
		if !has {
			warnings = append(warnings, fmt.Sprintf("%%%s at %s is for %s: %s", script.Kind, script.Origin, program, where))
		}
	}
	return warnings, nil
}

func (s *builtSet) has(ctx context.Context, program string, inTarget bool) (bool, error) {
	if !inTarget {
		return s.inImage(ctx, program)
	}
	for _, p := range s.last.Packages {
		has, err := s.inPackage(ctx, p, program)
		if has || err != nil {
			return has, err
		}
	}
	return false, nil
}

// spellings are the names of a program before and after /usr was merged, as archives
// have them.
func spellings(program string) []string {
	name := strings.TrimPrefix(strings.TrimPrefix(path.Clean(program), "/"), "usr/")
	return []string{name, "usr/" + name}
}

// inPackage looks into a package's control archive only, which is small: the files are
// in md5sums, alternatives in postinst.
func (s *builtSet) inPackage(ctx context.Context, p payload.Package, program string) (bool, error) {
	out, err := exec.CommandContext(ctx, "dpkg-deb", "--ctrl-tarfile", filepath.Join(s.tree, p.Path)).Output()
	if err != nil {
		return false, fmt.Errorf("look into %s: %w", p.Path, err)
	}
	for t := tar.NewReader(bytes.NewReader(out)); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("look into %s: %w", p.Path, err)
		}
		text, err := io.ReadAll(t)
		if err != nil {
			return false, fmt.Errorf("look into %s: %w", p.Path, err)
		}
		switch name := path.Clean(h.Name); {
		case name == "md5sums" && listed(text, program), name == "postinst" && alternative(text, program):
			return true, nil
		}
	}
}

// listed reports whether md5sums(5) of deb have the program, or one that it is a link
// to: python3 is one to python3.13.
func listed(sums []byte, program string) bool {
	for line := range bytes.Lines(sums) {
		_, name, _ := strings.Cut(strings.TrimSpace(string(line)), "  ")
		for _, want := range spellings(program) {
			if rest, ok := strings.CutPrefix(name, want); ok && strings.Trim(rest, "0123456789.") == "" {
				return true
			}
		}
	}
	return false
}

// alternative reports whether a script makes the program by update-alternatives(1).
func alternative(script []byte, program string) bool {
	return bytes.Contains(script, []byte("update-alternatives")) && bytes.Contains(script, []byte(path.Clean(program)))
}

// inImage looks into stage 2's squashfs.
func (s *builtSet) inImage(ctx context.Context, program string) (bool, error) {
	image := filepath.Join(s.tree, media.ImagePath)
	args := append([]string{"-l", "-d", "", image}, spellings(program)...)
	out, err := exec.CommandContext(ctx, "unsquashfs", args...).Output()
	if err != nil {
		return false, fmt.Errorf("list %s (squashfs-tools has unsquashfs): %w", image, err)
	}
	for line := range bytes.Lines(out) {
		if slices.Contains(spellings(program), strings.Trim(string(line), "/\n")) {
			return true, nil
		}
	}
	return false, nil
}
