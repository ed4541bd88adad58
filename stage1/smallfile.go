package stage1

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/media/fetch"
)

// maxSmall is the largest file that is read whole: a kickstart, a certificate,
// updates. Bytes.
const maxSmall = 64 << 20

// readNamed reads the file that a boot option names, wherever it is. In a
// directory it is the file of the given name. Each place that doesn't have it is a
// failed attempt.
func (s *session) readNamed(ctx context.Context, option, name string, f *Failure) (data []byte, origin string, ok bool) {
	src, err := media.ParseSource(option)
	if err != nil {
		f.add(media.Redact(option), err)
		return nil, "", false
	}
	if src.URL != "" {
		data, err = s.readServer(ctx, src, name, f)
		return data, src.Redacted(), err == nil
	}
	if src.Path == "" || src.Path == "/" {
		src.Path = "/" + name
	}
	if src.Remote() {
		data, err = s.readNFS(ctx, src, f)
		return data, src.Redacted(), err == nil
	}
	return s.readWhenThere(ctx, src, f)
}

// readWhenThere is readLocal for a volume that may not have been found yet: the machine
// has just been started, and some busses are slow.
func (s *session) readWhenThere(ctx context.Context, src media.Source, f *Failure) ([]byte, string, bool) {
	wait := newWaiting(s.opts.Unattended(), 0)
	defer wait.stop()
	for src.Scheme != "file" && len(s.volumesOf(src)) == 0 {
		if again, err := s.awaitChange(ctx, wait, &Failure{waits: true}); !again || err != nil {
			break
		}
	}
	return s.readLocal(ctx, src, f)
}

// readServer reads the file at a URL.
func (s *session) readServer(ctx context.Context, src media.Source, name string, f *Failure) ([]byte, error) {
	if !s.online(ctx, []media.Source{src}, f) {
		f.online = true
		return nil, errors.New("no network")
	}
	o := s.fetchOptions()
	if s.opts.SendMAC {
		o.Header = s.network.Cards()
	}
	tree, err := s.servers.Open(ctx, src, o)
	if err != nil {
		f.add(src.Redacted(), reason(err))
		return nil, err
	}
	defer tree.Close()
	if !strings.HasSuffix(src.URL, "/") {
		name = ""
	}
	data, err := fetch.ReadAll(ctx, tree, name, maxSmall)
	if err != nil {
		f.add(src.Redacted(), reason(err))
		f.online = f.online || !answered(err)
	}
	return data, err
}

// readNFS reads a file of an NFS server.
func (s *session) readNFS(ctx context.Context, src media.Source, f *Failure) ([]byte, error) {
	if !s.online(ctx, []media.Source{src}, f) {
		f.online = true
		return nil, errors.New("no network")
	}
	if err := s.mountExport(ctx, src, path.Dir(src.Path), s.dirs.scratch); err != nil {
		f.add(src.Redacted(), err)
		f.online = f.online || !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EACCES)
		return nil, err
	}
	data, err := readSmall(filepath.Join(s.dirs.scratch, path.Base(src.Path)))
	if err = errors.Join(err, s.unmountBelow(s.dirs.scratch)); err != nil {
		f.add(src.Redacted(), err)
	}
	return data, err
}

// readLocal reads a file from the first place that src means and that has it.
func (s *session) readLocal(ctx context.Context, src media.Source, f *Failure) ([]byte, string, bool) {
	if src.Scheme == "file" {
		data, err := readSmall(src.Path)
		if err != nil {
			f.add(src.String(), err)
		}
		return data, src.String(), err == nil
	}
	volumes := s.volumesOf(src)
	for _, v := range volumes {
		if ctx.Err() != nil {
			break
		}
		at := media.Source{Scheme: src.Scheme, Device: v.Path, Path: src.Path}
		data, err := s.readVolume(v, src.Path)
		if err == nil {
			return data, at.String(), true
		}
		f.add(at.String(), err)
	}
	if len(volumes) == 0 {
		f.add(src.String(), errors.New("there is no such drive or volume"))
	}
	return nil, "", false
}

// volumesOf are the volumes src means; a drive without a disc isn't one.
func (s *session) volumesOf(src media.Source) []media.Volume {
	all, err := s.Volumes()
	if err != nil {
		s.note("%v", err)
	}
	var list []media.Volume
	for _, v := range all {
		if src.Match(v) && (src.Scheme != "cdrom" || isDrive(v.Path)) {
			list = append(list, v)
		}
	}
	return list
}

// readVolume reads the file at name of v. Disc 1 is mounted already;
// everything else is mounted for the moment.
func (s *session) readVolume(v media.Volume, name string) ([]byte, error) {
	if v.Path == s.current.medium.Device {
		return readSmall(filepath.Join(s.dirs.medium, name))
	}
	if v.FSType == "" {
		return nil, errors.New("no file system that is known")
	}
	if err := s.mountOn(untouched(v.Path, s.dirs.scratch, v.FSType)); err != nil {
		return nil, err
	}
	data, err := readSmall(filepath.Join(s.dirs.scratch, name))
	return data, errors.Join(err, s.unmountBelow(s.dirs.scratch))
}

func readSmall(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSmall+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path.Base(name), err)
	}
	if len(data) > maxSmall {
		return nil, fmt.Errorf("%s is larger than %d bytes", path.Base(name), maxSmall)
	}
	return data, nil
}

// writePrivate writes a file that can hold passwords.
func writePrivate(file string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o600)
}
