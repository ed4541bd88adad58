package reach

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/media/fetch"
	"github.com/molt-installer/molt/media/mediatest"
	"github.com/molt-installer/molt/stage2/host"
	"github.com/molt-installer/molt/stage2/host/hosttest"
)

const index = "the index"

func testBuild() media.Build {
	sum := sha256.Sum256([]byte(index))
	return media.Build{
		Set:   media.Set{ID: "build-1", Product: "Tiny", Version: "1", Arch: "amd64", Discs: 2},
		Index: media.File{Path: "molt/set/InRelease", Size: int64(len(index)), SHA256: hex.EncodeToString(sum[:])},
	}
}

// tree is a directory that is disc 1, or what info says.
func tree(t *testing.T, info string, more ...string) string {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{media.DiscInfoPath: info, "molt/set/InRelease": index}
	for i := 0; i+1 < len(more); i += 2 {
		files[more[i]] = more[i+1]
	}
	for name, data := range files {
		if data == "" {
			continue
		}
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(data), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const (
	disc1     = "build-1\nTiny 1\namd64\n1\n"
	allDiscs  = "build-1\nTiny 1\namd64\n1,2\n"
	otherDisc = "build-2\nTiny 2\namd64\n1\n"
)

// disks is a host whose volumes are directories: a mount is a link to one.
type disks struct {
	*hosttest.Host
	holds   map[string]string // device, export or ISO file → directory
	mounted map[string]bool
}

func newDisks() *disks {
	return &disks{Host: hosttest.New(), holds: map[string]string{}, mounted: map[string]bool{}}
}

func (d *disks) Mount(m host.Mount) error {
	from := d.holds[m.Source]
	if m.FSType == "bind" {
		from = m.Source
	} else if !m.ReadOnly {
		return errors.New(m.Source + " is mounted for writing")
	}
	if from == "" {
		return syscall.ENODEV
	}
	d.mounted[m.Target] = true
	return errors.Join(os.MkdirAll(filepath.Dir(m.Target), 0o755), os.Symlink(from, m.Target))
}

func (d *disks) Unmount(target string) error {
	if !d.mounted[target] {
		return syscall.EINVAL
	}
	delete(d.mounted, target)
	return os.Remove(target)
}

func (d *disks) Run(_ context.Context, c host.Command) error { // mount -t iso9660 -o loop,ro FILE DIR
	if want := []string{"mount", "-t", "iso9660", "-o", "loop,ro"}; len(c.Args) != 7 || !slices.Equal(c.Args[:5], want) {
		return errors.New("an unknown command: " + strings.Join(c.Args, " "))
	}
	if d.holds[c.Args[5]] == "" {
		return &host.ExitError{Args: c.Args, Code: 32, Tail: []string{"mount: wrong fs type", "dmesg(1) may have more information"}}
	}
	if err := os.Remove(c.Args[6]); err != nil { // the mount point
		return err
	}
	return d.Mount(host.Mount{Source: c.Args[5], Target: c.Args[6], FSType: "iso9660", ReadOnly: true})
}

func (d *disks) Stat(path string) (fs.FileInfo, error)        { return os.Stat(path) }
func (d *disks) MkdirAll(path string, perm fs.FileMode) error { return os.MkdirAll(path, perm) }

// user is who takes the packages.
type user struct {
	took []handoff.Medium
	tree fetch.Tree
	err  error
}

func (u *user) adopt(_ context.Context, m handoff.Medium, disc1 fetch.Tree, _ string) error {
	if u.err != nil {
		return u.err
	}
	if u.tree != nil {
		u.tree.Close()
	}
	u.took, u.tree = append(u.took, m), disc1
	return nil
}

func testSource(t *testing.T, d *disks) (*Source, *user) {
	t.Helper()
	u := &user{}
	record := handoff.Record{Build: testBuild(), Medium: handoff.Medium{URL: "cdrom:/dev/sr0", Device: "/dev/sr0", Mount: tree(t, disc1), Disc: 1}}
	s := NewSource(Config{Host: d, Record: record, Adopt: u.adopt, Tell: func(what string) { t.Error(what) }})
	s.at = filepath.Join(t.TempDir(), "source")
	s.volumes = func() ([]media.Volume, error) {
		return []media.Volume{{Path: "/dev/sda1", FSType: "ext4", Label: "DATA"}, {Path: "/dev/sdb"}}, nil
	}
	if err := s.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil || len(d.mounted) > 0 {
			t.Errorf("left mounted: %v, %v", d.mounted, err)
		}
	})
	return s, u
}

// TestUse: a source of each kind is opened, checked and taken, and the one before it is let go of.
func TestUse(t *testing.T) {
	d := newDisks()
	set := testBuild().Set
	d.AddDrive("/dev/sr0", hosttest.Disc(set, 2))
	d.AddDrive("/dev/sr1", hosttest.Disc(set, 1))
	whole := tree(t, allDiscs)
	images := t.TempDir()
	for _, name := range []string{"disc1.iso", "own.iso"} {
		if err := os.WriteFile(filepath.Join(images, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	store := mediatest.InISO(t, mediatest.NewStore(map[string][]byte{media.DiscInfoPath: []byte(disc1), "molt/set/InRelease": []byte(index)}))
	image, ok := store.Get(mediatest.ImageName)
	if !ok {
		t.Fatal("no image")
	}
	isos := t.TempDir()
	if err := os.WriteFile(filepath.Join(isos, "disc1.iso"), image.Data, 0o644); err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(http.StripPrefix("/all/", http.FileServer(http.Dir(whole))))
	defer web.Close()
	webImages := httptest.NewServer(http.FileServer(http.Dir(isos)))
	defer webImages.Close()
	volume := tree(t, disc1)
	s, u := testSource(t, d)
	d.holds = map[string]string{"/dev/sr1": tree(t, disc1), "/dev/sda1": volume}
	for _, tt := range []struct {
		source, device string
		here, images   bool
	}{
		{source: "cdrom", device: "/dev/sr1"},
		{source: "hd:LABEL=DATA", device: "/dev/sda1"},
		{source: "file:" + whole, here: true},
		{source: web.URL + "/all/", here: true},
		{source: webImages.URL + "/disc1.iso", here: true},
		{source: webImages.URL, here: true},
		{source: "", device: "/dev/sr0"},
	} {
		if err := s.Use(t.Context(), tt.source); err != nil {
			t.Errorf("%s: %v", tt.source, err)
			continue
		}
		m := u.took[len(u.took)-1]
		if m.Device != tt.device || m.Disc != 1 {
			t.Errorf("%s: %+v", tt.source, m)
		}
		if data, err := fetch.ReadAll(t.Context(), u.tree, "molt/set/InRelease", 99); err != nil || string(data) != index {
			t.Errorf("%s: read %q, %v", tt.source, data, err)
		}
		state, err := s.State(t.Context())
		if err != nil || state.AllHere != tt.here || state.Packages != m.URL || state.Other == (tt.source == "") || len(state.Drives) != 2 {
			t.Errorf("%s: %+v, %v", tt.source, state, err)
		}
		if over := s.Over(); (over != "") != strings.HasPrefix(tt.source, "http") {
			t.Errorf("%s: taken over %q", tt.source, over)
		}
		if again, root, err := s.Tree(t.Context(), 1); err != nil || (root == "") != (len(m.Sources) > 0) {
			t.Errorf("%s: root %q, %v", tt.source, root, err)
		} else {
			again.Close()
		}
	}
	if len(d.mounted) > 0 {
		t.Errorf("still mounted: %v", d.mounted)
	}
	for _, source := range []string{"file:" + images, "file:" + images + "/own.iso"} {
		d.holds[filepath.Join(images, "disc1.iso")], d.holds[filepath.Join(images, "own.iso")] = volume, volume
		if err := s.Use(t.Context(), source); err != nil {
			t.Fatal(err)
		}
		if m := u.took[len(u.took)-1]; m.Images != images || m.Mount == "" {
			t.Errorf("%s: %+v", source, m)
		}
	}
}

// TestUseRefuses: whatever is not this very set is refused, with what it is, and all stays as it was.
func TestUseRefuses(t *testing.T) {
	d := newDisks()
	d.AddDrive("/dev/sr0", hosttest.Disc(testBuild().Set, 2))
	empty := t.TempDir()
	if err := os.WriteFile(filepath.Join(empty, "o.iso"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	bad := tree(t, disc1, "molt/set/InRelease", "changed!!")
	long := tree(t, disc1, "molt/set/InRelease", index+" and more")
	web := httptest.NewServer(http.FileServer(http.Dir(tree(t, otherDisc))))
	defer web.Close()
	s, u := testSource(t, d)
	d.holds["/dev/sda1"] = tree(t, "nonsense")
	for source, want := range map[string]string{
		web.URL:                    "it has Tiny 2 of the build build-2, and this installer is of Tiny 1, build build-1",
		web.URL + "/nothing":       "there is no disc of a set: it has no .discinfo: .discinfo: not found",
		"http://127.0.0.1:1/":      "connection refused",
		"file:" + empty:            "no .discinfo, and no disc1.iso",
		"file:" + empty + "/x":     "no such file",
		"file:" + bad:              "its list of packages (molt/set/InRelease) is damaged or of another build: SHA-256",
		"file:" + long:             "is larger than",
		"file:" + empty + "/o.iso": "it can't be mounted as the image of a disc: mount: wrong fs type",
		"cdrom":                    "disc 1 is in no drive: /dev/sr0: disc 2 of Tiny 1",
		"cdrom:/dev/sr7":           "there is no such drive",
		"hd:LABEL=GONE":            "there is no volume LABEL=GONE",
		"hd:sdb":                   "there is no file system on /dev/sdb",
		"hd:sda1":                  ".discinfo line 2: no product and version",
		"nfs:127.0.0.1:/x":         "",
		"gopher://x":               "must begin with",
		"http://me:secret@[::1]":   "can't be used",
	} {
		err := s.Use(t.Context(), source)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want %q", source, err, want)
		}
	}
	u.err = errors.New("no catalog")
	if err := s.Use(t.Context(), "file:"+tree(t, disc1)); !errors.Is(err, u.err) {
		t.Errorf("nobody takes it: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Use(ended, web.URL); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	if len(u.took) != 1 || len(d.mounted) > 0 {
		t.Errorf("took %+v, mounted %v", u.took, d.mounted)
	}
	state, err := s.State(t.Context())
	if diff := cmp.Diff("cdrom:/dev/sr0", state.Packages); diff != "" || err != nil || state.Other {
		t.Errorf("%+v, %v", state, err)
	}
}

// TestClosedSource: nothing is mounted any more once it is closed, and closing waits for a change.
func TestClosedSource(t *testing.T) {
	d := newDisks()
	s, _ := testSource(t, d)
	s.using.Lock()
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	select {
	case <-closed:
		t.Error("closed in the middle of a change")
	default:
	}
	s.using.Unlock()
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	d.holds["/dev/sda1"] = t.TempDir()
	if err := s.Use(t.Context(), "hd:LABEL=DATA:/"); err == nil || !strings.Contains(err.Error(), "the questions are over") {
		t.Errorf("error %v", err)
	}
}
