package stage1

import (
	"context"
	"errors"
	"path"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/internal/nfs"
	"github.com/molt-installer/molt/media"
)

// takeNFS takes what is needed from an NFS server: a directory with a tree, or
// an ISO file or an image in one.
func (s *session) takeNFS(ctx context.Context, src media.Source, n need, f *Failure) bool {
	if !s.online(ctx, []media.Source{src}, f) {
		return false
	}
	at, loops := s.site(n), len(s.current.loops)
	m := handoff.Medium{URL: src.Redacted(), Mount: at.mount, Disc: 1, Whole: true}
	m, err := s.mountNFS(ctx, src, m, at)
	if err == nil {
		err = s.use(ctx, at.mount, m, n)
	}
	if err != nil {
		s.note("%s: %v", src.Redacted(), err)
		f.add(src.Redacted(), errors.Join(err, s.closeSite(ctx, at, loops)))
		f.waits = false
		return false
	}
	s.say("%s is at %s", s.build.Set.Name(), src.Redacted())
	return true
}

// mountNFS mounts the directory that src names, or the one that the file it
// names is in.
func (s *session) mountNFS(ctx context.Context, src media.Source, m handoff.Medium, to site) (handoff.Medium, error) {
	err := s.mountExport(ctx, src, src.Path, to.mount)
	if err == nil && holdsImages(to.mount) {
		if err := errors.Join(s.unmountBelow(to.mount), s.mountExport(ctx, src, src.Path, to.holder)); err != nil {
			return m, err
		}
		return s.mountFile(ctx, m, to.holder)
	}
	if err == nil || !errors.Is(err, unix.ENOTDIR) && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EACCES) {
		return m, err
	}
	if s.mountExport(ctx, src, path.Dir(src.Path), to.holder) != nil {
		return m, err // of what was asked for
	}
	return s.mountFile(ctx, m, path.Join(to.holder, path.Base(src.Path)))
}

// mountExport mounts what the server of src exports.
func (s *session) mountExport(ctx context.Context, src media.Source, export, target string) error {
	return nfs.Mount(ctx, src, export, func(version, source, options string) error {
		err := s.mountOn(mount{source: source, target: target, fstype: "nfs", flags: unix.MS_RDONLY, data: options})
		if err == nil {
			s.note("NFS %s: %s %s", version, source, options)
		}
		return err
	})
}
