package stage1

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/internal/modinfo"
	"github.com/molt-installer/molt/media"
)

// driversIn is where modules of driver disks go in a kernel's module tree, and
// firmware below /lib/firmware: the places that win (depmod.d(5),
// Documentation/driver-api/firmware/fw_search_path.rst).
const driversIn = "updates"

// drivers takes the modules and the firmware of the driver disks that inst.dd=
// names, and loads what fits this machine. A driver disk is a directory or an archive
// (cpio) with modules anywhere in it and firmware below firmware/, or one module.
func (s *session) drivers(ctx context.Context) error {
	sources := s.opts.DriverDisks
	if s.opts.AskDrivers {
		sources = append(sources[:len(sources):len(sources)], s.askDrivers(ctx)...)
	}
	s.fixed.Drivers = nil
	return s.useDrivers(ctx, sources, "Edit inst.dd= in the boot options, or put in the volume with the drivers, and try again.")
}

// useDrivers takes what an earlier try hasn't taken already.
func (s *session) useDrivers(ctx context.Context, sources []string, hint string) error {
	fresh := map[string][]string{}
	var load []string
	for _, name := range sources {
		got, ok := s.driven[name]
		if !ok {
			err := s.persist(ctx, func() *Failure {
				f := &Failure{What: "A driver disk can't be used.", Hint: hint}
				if got, ok = s.driverDisk(ctx, name, f); !ok {
					return f
				}
				return nil
			})
			if err != nil {
				return err
			}
			fresh[name], load = got, append(load, got...)
		}
		s.fixed.Drivers = append(s.fixed.Drivers, got...)
	}
	if len(fresh) == 0 {
		return nil
	}
	if err := s.loadDrivers(load); err != nil {
		return err
	}
	if s.driven == nil {
		s.driven = map[string][]string{}
	}
	maps.Copy(s.driven, fresh)
	return nil
}

// askDrivers asks a person for driver disks, one after the other.
func (s *session) askDrivers(ctx context.Context) []string {
	var list []string
	for {
		line, _, err := s.con.Ask(ctx, "Driver disk, as inst.dd= says it: hd:DEVICE:/PATH, cdrom:/PATH, http://SERVER/FILE (nothing: no more):\n> ")
		if err != nil || line == "" {
			return list
		}
		if _, err := media.ParseSource(line); err != nil {
			s.say("%v", err)
			continue
		}
		list = append(list, line)
	}
}

// driverDisk copies what is on one driver disk to where the kernel finds it, and
// returns the files, "modules/foo.ko" and "firmware/foo.bin".
func (s *session) driverDisk(ctx context.Context, option string, f *Failure) ([]string, bool) {
	src, err := media.ParseSource(option)
	if err != nil {
		f.add(media.Redact(option), err)
		return nil, false
	}
	dir, err := os.MkdirTemp("", "drivers-")
	if err != nil {
		f.add(media.Redact(option), err)
		return nil, false
	}
	defer os.RemoveAll(dir)
	origin, err := s.gather(ctx, src, option, dir, f)
	if err != nil {
		if !errors.Is(err, errTold) {
			f.add(origin, err)
		}
		return nil, false
	}
	files, err := s.keepDrivers(dir)
	if err != nil {
		f.add(origin, err)
		return nil, false
	}
	s.say("Drivers from %s: %s", origin, strings.Join(files, ", "))
	return files, true
}

// errTold is a failure whose attempts have been noted.
var errTold = errors.New("told already")

// gather puts what is at a source below dir.
func (s *session) gather(ctx context.Context, src media.Source, option, dir string, f *Failure) (origin string, err error) {
	if src.Scheme == "hd" || src.Scheme == "cdrom" {
		for _, v := range s.volumesOf(src) {
			if s.copyDirectory(v, src.Path, dir) == nil {
				return src.String(), nil
			}
		}
	}
	data, origin, ok := s.readNamed(ctx, option, "dd.cpio", f)
	if !ok {
		return origin, errTold
	}
	if name := path.Base(strings.TrimSuffix(option, "/")); isModule(name) {
		return origin, os.WriteFile(filepath.Join(dir, name), data, 0o644)
	}
	return origin, unpack(data, dir)
}

// copyDirectory copies a directory of a volume.
func (s *session) copyDirectory(v media.Volume, name, to string) error {
	if v.FSType == "" {
		return errors.New("no file system that is known")
	}
	if v.Path == s.current.medium.Device {
		return os.CopyFS(to, os.DirFS(filepath.Join(s.dirs.medium, name)))
	}
	if err := s.mountOn(untouched(v.Path, s.dirs.scratch, v.FSType)); err != nil {
		return err
	}
	from := filepath.Join(s.dirs.scratch, name)
	err := notADirectory(from)
	if err == nil {
		err = os.CopyFS(to, onlyDrivers{os.DirFS(from)})
	}
	return errors.Join(err, s.unmountBelow(s.dirs.scratch))
}

func notADirectory(name string) error {
	info, err := os.Stat(name)
	if err == nil && !info.IsDir() {
		err = unix.ENOTDIR
	}
	return err
}

// onlyDrivers shows of a volume what can be a driver: a whole system's disk may
// be the driver disk.
type onlyDrivers struct{ fs.FS }

// ReadDir implements fs.ReadDirFS.
func (o onlyDrivers) ReadDir(name string) ([]fs.DirEntry, error) {
	all, err := fs.ReadDir(o.FS, name)
	var list []fs.DirEntry
	for _, e := range all {
		within := name == "firmware" || strings.HasPrefix(name, "firmware/")
		if e.IsDir() || e.Type().IsRegular() && (within || isModule(e.Name())) {
			list = append(list, e)
		}
	}
	return list, err
}

func isModule(name string) bool {
	for _, suffix := range []string{".ko", ".ko.xz", ".ko.zst"} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}

// keepDrivers moves modules and firmware from dir to where the kernel looks.
func (s *session) keepDrivers(dir string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(dir, func(file string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		name, to := "", ""
		switch firmware, isFirmware := strings.CutPrefix(rel, "firmware/"); {
		case isFirmware:
			name, to = "firmware/"+firmware, filepath.Join(s.dirs.firmware, driversIn, firmware)
		case isModule(rel):
			name, to = "modules/"+filepath.Base(rel), filepath.Join(s.release(), driversIn, filepath.Base(rel))
		default:
			return nil
		}
		files = append(files, name)
		return moveFile(file, to)
	})
	if err == nil && len(files) == 0 {
		err = errors.New("there is neither a kernel module (.ko, .ko.xz, .ko.zst) nor anything below firmware/")
	}
	return files, err
}

func moveFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
}

// release is the module tree of the running kernel.
func (s *session) release() string { return filepath.Join(s.dirs.modules, kernelRelease()) }

func kernelRelease() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Release[:])
}

// loadDrivers adds modules to the index, and loads what the machine asks for now;
// a module that is for no device at all is loaded too.
func (s *session) loadDrivers(files []string) error {
	var plain []string
	for _, f := range files {
		name, ok := strings.CutPrefix(f, "modules/")
		if !ok {
			continue
		}
		info, err := s.indexDriver(name)
		if err != nil {
			return &Failure{What: "A driver can't be used.", Tried: []Attempt{{name, err.Error()}}, Hint: "Take it out of inst.dd=, or use one that was built for this kernel."}
		}
		if len(info.Aliases) == 0 {
			plain = append(plain, modinfo.Name(name))
		}
	}
	if err := s.devices.reopen(); err != nil {
		return err
	}
	for _, name := range plain {
		s.devices.load(name)
	}
	s.devices.coldplug()
	return nil
}

// indexDriver adds a module to depmod's text files, as which the loader reads them.
func (s *session) indexDriver(name string) (modinfo.Info, error) {
	rel := filepath.Join(driversIn, name)
	_, image, err := modinfo.ReadFile(filepath.Join(s.release(), rel))
	if err != nil {
		return modinfo.Info{}, err
	}
	info, err := modinfo.Read(image)
	if err != nil {
		return info, err
	}
	if release := kernelRelease(); info.Kernel != release {
		return info, fmt.Errorf("it is for Linux %s, and this is Linux %s", info.Kernel, release)
	}
	var deps []string
	for i := len(info.Depends) - 1; i >= 0; i-- {
		files := s.devices.files(info.Depends[i])
		for j := len(files) - 1; j >= 0; j-- {
			deps = append(deps, files[j])
		}
	}
	module := modinfo.Name(name)
	lines := map[string]string{"modules.dep": fmt.Sprintf("%s: %s\n", rel, strings.Join(deps, " "))}
	for _, a := range info.Aliases {
		lines["modules.alias"] += fmt.Sprintf("alias %s %s\n", a, module)
	}
	for _, soft := range info.Soft {
		lines["modules.softdep"] += fmt.Sprintf("softdep %s %s\n", module, soft)
	}
	for file, text := range lines {
		if err := appendTo(filepath.Join(s.release(), file), text); err != nil {
			return info, err
		}
	}
	return info, nil
}

func appendTo(file, text string) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
