package reach

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/internal/mounts"
	"github.com/molt-installer/molt/internal/nfs"
	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/media/fetch"
	"github.com/molt-installer/molt/stage2/host"
)

// firstImage is the name of disc 1's image in a directory with those of all discs.
const firstImage = "disc1.iso"

// place is an open medium.
type place struct {
	medium  *medium
	first   bool     // stage 1 has mounted it
	mounted []string // in the order in which that was done
}

// leave unmounts what was mounted for the place.
func (p *place) leave(h host.Host) error {
	var errs []error
	for _, at := range slices.Backward(p.mounted) {
		if err := h.Unmount(at); err != nil && !errors.Is(err, syscall.EINVAL) { // which a step of the plan has unmounted
			errs = append(errs, err)
		}
	}
	p.mounted = nil
	return errors.Join(errs...)
}

// opening is a place that is being opened: the medium as far as it is known.
type opening struct {
	s     *Source
	p     place
	found handoff.Medium
	disc  string // where disc 1 is to be mounted
	below string // where the volume is that it is a part of
}

// open opens a place, and checks that it is the right one. On an error nothing of it is left mounted.
func (s *Source) open(ctx context.Context, src media.Source) (*place, error) {
	s.mu.Lock()
	s.count++
	at := path.Join(s.at, strconv.Itoa(s.count))
	s.mu.Unlock()
	o := &opening{s: s, found: handoff.Medium{URL: src.Redacted(), Disc: 1}, disc: path.Join(at, "disc"), below: path.Join(at, "volume")}
	err := o.open(ctx, src)
	if err != nil {
		return nil, errors.Join(err, o.p.leave(s.host))
	}
	return &o.p, nil
}

func (o *opening) open(ctx context.Context, src media.Source) error {
	switch {
	case src.URL != "":
		return o.url(ctx, src)
	case src.Remote():
		return o.export(ctx, src)
	case src.Scheme == "cdrom":
		return o.drive(ctx, src)
	case src.Scheme == "hd":
		return o.volume(ctx, src)
	}
	return o.directory(ctx, src.Path)
}

// url opens what is at a server: a tree, an ISO image, or a directory with images of all discs.
func (o *opening) url(ctx context.Context, src media.Source) error {
	o.found.Sources, o.found.Transfer = []string{src.URL}, o.s.record.Medium.Transfer
	err := o.check(ctx)
	if !errors.Is(err, errNoTree) || !errors.Is(err, fetch.ErrNotFound) || strings.HasSuffix(src.URL, ".iso") || strings.ContainsAny(src.URL, "?#") {
		return err
	}
	o.found.Sources = []string{strings.TrimSuffix(src.URL, "/") + "/" + firstImage}
	if o.check(ctx) != nil {
		return err // of what was asked for
	}
	return nil
}

// export mounts what an NFS server has.
func (o *opening) export(ctx context.Context, src media.Source) error {
	mount := func(at string) func(version, source, options string) error {
		return func(_, source, options string) error {
			return o.mount(host.Mount{Source: source, Target: at, FSType: "nfs", ReadOnly: true, Options: options})
		}
	}
	err := nfs.Mount(ctx, src, src.Path, mount(o.below))
	if err == nil {
		return o.directory(ctx, o.below)
	}
	mayBeFile := slices.ContainsFunc([]error{syscall.ENOTDIR, syscall.ENOENT, syscall.EACCES}, func(e error) bool { return errors.Is(err, e) })
	if !mayBeFile || nfs.Mount(ctx, src, path.Dir(src.Path), mount(o.below)) != nil {
		return err // of what was asked for
	}
	return o.directory(ctx, path.Join(o.below, path.Base(src.Path)))
}

// drive takes the drive that disc 1 is in.
func (o *opening) drive(ctx context.Context, src media.Source) error {
	drives, err := o.s.host.Drives()
	if err != nil {
		return fmt.Errorf("list the optical drives: %w", err)
	}
	var seen []string
	for _, d := range drives {
		if !src.Match(media.Volume{Path: d}) {
			continue
		}
		disc, err := o.s.host.Look(ctx, d)
		set := o.s.record.Build.Set
		switch {
		case err != nil:
			seen = append(seen, d+": "+err.Error())
			continue
		case !disc.Is(set, 1):
			seen = append(seen, d+": "+disc.Explain(set, 1))
			continue
		}
		o.found.URL, o.found.Device = "cdrom:"+d, d
		if err := o.mount(host.Mount{Source: d, Target: o.disc, FSType: "iso9660", ReadOnly: true}); err != nil {
			return err
		}
		return o.mountedDisc(ctx)
	}
	if len(seen) == 0 {
		return errors.New("there is no such drive")
	}
	return errors.New("disc 1 is in no drive: " + strings.Join(seen, "; "))
}

// volume mounts a disk or a partition, untouched.
func (o *opening) volume(ctx context.Context, src media.Source) error {
	all, err := o.s.volumes()
	if err != nil {
		return fmt.Errorf("list the disks: %w", err)
	}
	i := slices.IndexFunc(all, src.Match)
	switch {
	case i < 0:
		return fmt.Errorf("there is no volume %s; is the disk or the stick in?", src.Device)
	case all[i].FSType == "":
		return fmt.Errorf("there is no file system on %s", all[i].Path)
	}
	v := all[i]
	o.found.Device = v.Path
	m := host.Mount{Source: v.Path, Target: o.below, FSType: v.FSType, ReadOnly: true, Options: mounts.Untouched(v.FSType)}
	if err := o.mount(m); err != nil {
		return err
	}
	return o.directory(ctx, path.Join(o.below, src.Path))
}

// directory takes a directory that is a tree or has the discs' images, or an image.
func (o *opening) directory(ctx context.Context, at string) error {
	info, err := o.s.host.Stat(at)
	if err != nil {
		return err
	}
	if info.IsDir() {
		if _, err := o.s.host.Stat(path.Join(at, media.DiscInfoPath)); err == nil {
			if err := o.mount(host.Mount{Source: at, Target: o.disc, FSType: "bind"}); err != nil {
				return err
			}
			return o.mountedDisc(ctx)
		}
		at = path.Join(at, firstImage)
		if _, err := o.s.host.Stat(at); err != nil {
			return fmt.Errorf("%w, and no %s", errNoTree, firstImage)
		}
	}
	if err := o.image(ctx, at); err != nil {
		return err
	}
	o.found.Images = o.outer(path.Dir(at))
	return o.mountedDisc(ctx)
}

// image mounts an ISO file. mount(8) gives it a loop device that goes with the mount.
func (o *opening) image(ctx context.Context, file string) error {
	if err := o.s.host.MkdirAll(o.disc, 0o755); err != nil {
		return err
	}
	err := o.s.host.Run(ctx, host.Command{Args: []string{"mount", "-t", "iso9660", "-o", "loop,ro", file, o.disc}})
	if failed, ok := errors.AsType[*host.ExitError](err); ok && len(failed.Tail) > 0 {
		return &wordsError{"it can't be mounted as the image of a disc: " + failed.Tail[0], err} // the last line names dmesg(1)
	}
	if err != nil {
		return err
	}
	o.p.mounted = append(o.p.mounted, o.disc)
	return nil
}

func (o *opening) mount(m host.Mount) error {
	if err := o.s.host.Mount(m); err != nil {
		return err
	}
	o.p.mounted = append(o.p.mounted, m.Target)
	return nil
}

// mountedDisc takes what is mounted as disc 1.
func (o *opening) mountedDisc(ctx context.Context) error {
	o.found.Mount = o.outer(o.disc)
	return o.check(ctx)
}

// outer is a path of stage 2's root in that of stage 1, as a record has it.
func (o *opening) outer(name string) string { return o.s.record.Root + name }

// check opens the medium and looks what it is.
func (o *opening) check(ctx context.Context) error {
	record := o.s.record
	record.Medium = o.found
	m := newMedium(record, o.s.outside, o.s.boot, o.s.tell)
	m.patience = 0
	tree, _, err := m.Tree(ctx, 1)
	if err != nil {
		return err
	}
	defer tree.Close()
	whole, err := check(ctx, tree, record.Build)
	if err != nil {
		return err
	}
	atServer := len(o.found.Sources) > 0 && strings.HasSuffix(o.found.Sources[0], ".iso") // the others are beside it
	record.Medium.Whole = whole || atServer
	o.p.medium = newMedium(record, o.s.outside, o.s.boot, o.s.tell)
	return nil
}
