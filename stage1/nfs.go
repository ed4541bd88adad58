package stage1

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/internal/handoff"
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

// tryNFS mounts an export with the protocols in their order, the newest first,
// unless the source says which.
func (s *session) tryNFS(server netip.Addr, src media.Source, export, target string) error {
	host := server.String()
	if server.Is6() {
		host = "[" + host + "]"
	}
	var failed nfsError
	for _, v := range versions(src) {
		if v.below && !errors.Is(failed.last(), unix.EPROTONOSUPPORT) {
			continue
		}
		m := mount{source: host + ":" + export, target: target, fstype: "nfs", flags: unix.MS_RDONLY,
			data: strings.Join(append(v.options(server), sane(src.Options)...), ",")}
		err := s.mountOn(m)
		if err == nil {
			s.note("NFS %s: %s %s", v.name, m.source, m.data)
			return nil
		}
		failed = append(failed, fmt.Errorf("by NFS %s: %w", v.name, plainErrno(err)))
	}
	return failed
}

// nfsError is what each version said, on one line.
type nfsError []error

func (e nfsError) Unwrap() []error { return e }

func (e nfsError) last() error {
	if len(e) == 0 {
		return nil
	}
	return e[len(e)-1]
}

func (e nfsError) Error() string {
	words := make([]string, len(e))
	for i, err := range e {
		words[i] = err.Error()
	}
	return strings.Join(words, "; ")
}

// nfsVersion is one way to mount.
type nfsVersion struct {
	name  string
	below bool // for a server that doesn't know the one before
}

// versions are those to try. 4.2 has nothing for one who only reads but
// READ_PLUS, of which NFS-Ganesha before 6.2 makes garbage (its issue 1188).
func versions(src media.Source) []nfsVersion {
	for _, o := range strings.Split(src.Options, ",") {
		if name, value, ok := strings.Cut(o, "="); ok && (name == "vers" || name == "nfsvers") {
			return []nfsVersion{{name: value}}
		}
	}
	v4 := []nfsVersion{{name: "4.1"}, {name: "4.0", below: true}}
	if src.Scheme == "nfs4" {
		return v4
	}
	return append(v4, nfsVersion{name: "3"})
}

// options are those of nfs(5), as the kernel itself reads them. A server that
// doesn't answer is asked on and on, and reads wait for it: an error would be one of
// the medium. The kernel says so after half a minute (timeo; 3 minutes by default).
// Locks make no sense on what is only read.
func (v nfsVersion) options(server netip.Addr) []string {
	list := []string{"vers=" + v.name, "addr=" + server.String(), "hard", "timeo=100"}
	if v.name == "3" {
		return append(list, "nolock", "proto=tcp", "mountproto=tcp", "mountaddr="+server.String())
	}
	return append(list, "clientaddr=0.0.0.0")
}

// sane are the options of a source, but for the version.
func sane(options string) []string {
	var list []string
	for _, o := range strings.Split(options, ",") {
		name, _, _ := strings.Cut(o, "=")
		if o != "" && name != "vers" && name != "nfsvers" && name != "addr" {
			list = append(list, o)
		}
	}
	return list
}

// plainErrno says what mount(2) means when it is asked for NFS.
func plainErrno(err error) error {
	for errno, words := range map[unix.Errno]string{
		unix.ECONNREFUSED:    "connection refused: no NFS server there, or not this version of NFS",
		unix.EPROTONOSUPPORT: "the server doesn't know this version of NFS",
		unix.EACCES:          "access denied by the server: is that exported to this machine?",
		unix.ENOENT:          "there is no such export",
		unix.ETIMEDOUT:       "no answer",
		unix.EHOSTUNREACH:    "no route to the server",
		unix.ENETUNREACH:     "no route to the server",
		unix.ENODEV:          "no driver for NFS in the initramfs",
	} {
		if errors.Is(err, errno) {
			return fmt.Errorf("%s (%w)", words, errno)
		}
	}
	return err
}
