package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/internal/linuxhost"
	"github.com/molt-installer/molt/media/fetch"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/host"
	"github.com/molt-installer/molt/stage2/payload"
)

type progress struct{ lines, warnings []string }

func (p *progress) Advance(_, _ int64, _, _ string) {}
func (p *progress) Line(l string)                   { p.lines = append(p.lines, l) }
func (p *progress) Warn(m string)                   { p.warnings = append(p.warnings, m) }

func put(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // the umask doesn't count
		t.Fatal(err)
	}
}

func command(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// system is the tree of a system as somebody's machine has it.
func system(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{
		"usr/bin/tool": "tool", "etc/hostname": "golden", "etc/fstab": "UUID=golden / ext4\n", "etc/crypttab": "golden\n", "etc/default/keyboard": "XKBLAYOUT=golden\n",
		"etc/machine-id": "0123456789abcdef0123456789abcdef\n", "etc/ssh/ssh_host_rsa_key": "k", "etc/initramfs-tools/conf.d/resume": "RESUME=UUID=golden\n",
		"boot/vmlinuz-6.1": "kernel", "usr/lib/modules/6.1/modules.dep": "", "boot/vmlinuz-5.0": "of a system without these modules", "dev/null-of-the-image": "", "run/of-the-image": "", ".molt/of-the-image": "", "home/dev/kept": "a directory called dev",
	} {
		put(t, filepath.Join(root, name), text, 0o644)
	}
	put(t, filepath.Join(root, "usr/bin/su"), "su", os.ModeSetuid|0o755)
	put(t, filepath.Join(root, "usr/sbin/update-initramfs"), "#!/bin/sh\necho \"$@\" > /boot/initrd.img-6.1\n", 0o755)
	for _, link := range [][2]string{{"usr/bin", "bin"}, {"tool", "usr/bin/also"}} {
		if err := os.Symlink(link[0], filepath.Join(root, link[1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link(filepath.Join(root, "usr/bin/tool"), filepath.Join(root, "usr/bin/hard")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(filepath.Join(root, "etc/hostname"), 1234, 5678); err != nil {
		t.Fatal(err)
	}
	return root
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: owners and mounts")
	}
}

// pack makes an image of root of each kind.
func pack(t *testing.T, kind, root string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "image") // its name says nothing
	switch kind {
	case "squashfs":
		command(t, "mksquashfs", root, file, "-quiet", "-no-progress")
	case "ext4":
		command(t, "mkfs.ext4", "-q", "-d", root, file, "8M")
	case "ext2":
		command(t, "mkfs.ext2", "-q", "-d", root, file, "8M")
	case "crashed":
		command(t, "mkfs.ext4", "-q", "-d", root, file, "8M")
		command(t, "debugfs", "-w", "-R", "feature needs_recovery", file)
	case "live": // an ext4 in a squashfs
		inner := filepath.Join(t.TempDir(), "LiveOS/rootfs.img")
		put(t, inner, "", 0o644)
		command(t, "mkfs.ext4", "-q", "-d", root, inner, "8M")
		command(t, "debugfs", "-w", "-R", "feature needs_recovery", inner)
		command(t, "mksquashfs", filepath.Dir(filepath.Dir(inner)), file, "-quiet", "-no-progress")
	default:
		options := map[string]string{"tar": "--no-auto-compress", "tar.gz": "--gzip", "tar.xz": "--xz", "tar.zst": "--zstd"}
		command(t, "tar", options[kind], "-cf", file, "-C", root, ".")
	}
	return file
}

func digestOf(t *testing.T, file string) string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// target is a new file system with the plan's tables, and the installer's own directories in it.
func target(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	put(t, filepath.Join(dir, "etc/fstab"), "UUID=mine / ext4\n", 0o644)
	put(t, filepath.Join(dir, "etc/default/keyboard"), "XKBLAYOUT=mine\n", 0o644)
	put(t, filepath.Join(dir, "dev/null"), "", 0o644)
	return dir
}

// install goes all the way of an installation.
func install(t *testing.T, p *Payload, target string, pr *progress) error {
	t.Helper()
	ctx := t.Context()
	sel, err := p.Resolve(ctx, payload.Request{})
	if err != nil {
		return err
	}
	if err := p.Fetch(ctx, payload.Fetch{Selection: sel, Disc: sel.Image.Disc, From: p.Disc1, Target: target, Progress: pr}); err != nil {
		return err
	}
	if err := p.Install(ctx, sel, target, pr); err != nil {
		return err
	}
	return p.Finish(ctx, sel, target, pr)
}

func served(t *testing.T, file string) string {
	t.Helper()
	s := httptest.NewServer(http.FileServer(http.Dir(filepath.Dir(file))))
	t.Cleanup(s.Close)
	return s.URL + "/" + filepath.Base(file)
}

// TestInstall unpacks a system out of each kind of image, with the real tools.
func TestInstall(t *testing.T) {
	needRoot(t)
	root := system(t)
	for _, kind := range []string{"tar", "tar.gz", "tar.xz", "tar.zst", "squashfs", "ext2", "ext4", "crashed", "live"} {
		t.Run(kind, func(t *testing.T) {
			file := pack(t, kind, root)
			source := config.Source{Kind: "liveimg", URL: served(t, file), Checksum: digestOf(t, file)}
			to, pr := target(t), &progress{}
			if err := install(t, New(Config{Source: source, Host: finishes{linuxhost.New(), t}}), to, pr); err != nil {
				t.Fatalf("%v\n%s", err, strings.Join(pr.lines, "\n"))
			}
			checkSystem(t, to)
			if len(pr.warnings) != 1 || !strings.Contains(pr.warnings[0], "SSH host keys") {
				t.Errorf("warnings %q", pr.warnings)
			}
		})
	}
}

// finishes is a machine on which what runs in the target, where there is no shell, is played.
type finishes struct {
	*linuxhost.Host
	t *testing.T
}

func checkSystem(t *testing.T, root string) {
	t.Helper()
	got := map[string]string{}
	for _, name := range []string{"usr/bin/tool", "etc/fstab", "etc/machine-id", "bin/also", "home/dev/kept", "boot/initrd.img-6.1", "etc/default/keyboard"} {
		data, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Error(err)
		}
		got[name] = string(data)
	}
	want := map[string]string{
		"usr/bin/tool": "tool", "etc/fstab": "UUID=mine / ext4\n", "etc/machine-id": "", "bin/also": "tool", "home/dev/kept": "a directory called dev",
		"boot/initrd.img-6.1": "update-initramfs -c -k 6.1\n", "etc/default/keyboard": "XKBLAYOUT=mine\n",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for _, name := range []string{"etc/crypttab", "etc/initramfs-tools/conf.d/resume", "dev/null-of-the-image", "run/of-the-image", ".molt"} {
		if _, err := os.Lstat(filepath.Join(root, name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("/%s is there (%v)", name, err)
		}
	}
	stat := func(name string) *syscall.Stat_t {
		var st syscall.Stat_t
		if err := syscall.Lstat(filepath.Join(root, name), &st); err != nil {
			t.Error(err)
		}
		return &st
	}
	if st := stat("etc/hostname"); st.Uid != 1234 || st.Gid != 5678 {
		t.Errorf("/etc/hostname belongs to %d:%d", st.Uid, st.Gid)
	}
	if st := stat("usr/bin/su"); st.Mode&0o7777 != 0o4755 {
		t.Errorf("/usr/bin/su has the mode %o", st.Mode&0o7777)
	}
	if a, b := stat("usr/bin/tool"), stat("usr/bin/hard"); a.Ino != b.Ino {
		t.Error("hard links have become files")
	}
}

// TestKept: of file systems that are kept nothing is written over, and no owner changed, with what is around them
// coming from the image.
func TestKept(t *testing.T) {
	needRoot(t)
	root := system(t)
	put(t, filepath.Join(root, "boot/efi/EFI/BOOT/BOOTX64.EFI"), "of the image", 0o644)
	put(t, filepath.Join(root, "boot/efivars"), "another name", 0o644)
	put(t, filepath.Join(root, "home/dev/.profile"), "of the image", 0o644)
	if err := errors.Join(os.Chmod(filepath.Join(root, "boot"), 0o750), os.Chown(filepath.Join(root, "boot"), 7, 8)); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"tar.gz", "squashfs"} {
		to := target(t)
		put(t, filepath.Join(to, "boot/efi/EFI/BOOT/BOOTX64.EFI"), "mine", 0o600)
		put(t, filepath.Join(to, "home/dev/.profile"), "mine", 0o600)
		if err := errors.Join(os.Chown(filepath.Join(to, "home/dev"), 1234, 5), os.Chmod(filepath.Join(to, "boot"), 0o700)); err != nil {
			t.Fatal(err)
		}
		p := New(Config{Source: config.Source{URL: served(t, pack(t, kind, root))}, Host: linuxhost.New()})
		sel, err := p.Resolve(t.Context(), payload.Request{})
		if err != nil {
			t.Fatal(err)
		}
		sel.Image.Keep = []string{"/home", "/boot/efi"}
		if err := p.Fetch(t.Context(), payload.Fetch{Selection: sel, Target: to, Progress: &progress{}}); err != nil {
			t.Fatal(err)
		}
		for range 2 { // as another try does
			if err := p.Install(t.Context(), sel, to, &progress{}); err != nil {
				t.Fatal(err)
			}
		}
		for name, want := range map[string]string{
			"boot/efi/EFI/BOOT/BOOTX64.EFI": "mine", "home/dev/.profile": "mine", "boot/vmlinuz-6.1": "kernel", "boot/efivars": "another name", "etc/hostname": "golden", "bin/also": "tool",
		} {
			if got, err := os.ReadFile(filepath.Join(to, name)); err != nil || string(got) != want {
				t.Errorf("%s: /%s has %q (%v), want %q", kind, name, got, err, want)
			}
		}
		for name, want := range map[string][3]uint32{"home/dev": {1234, 5, 0o755}, "boot": {7, 8, 0o750}} {
			var st syscall.Stat_t
			if err := syscall.Stat(filepath.Join(to, name), &st); err != nil {
				t.Fatal(err)
			}
			if got := [3]uint32{st.Uid, st.Gid, st.Mode & 0o7777}; got != want {
				t.Errorf("%s: /%s is %v, want %v", kind, name, got, want)
			}
		}
		if _, err := os.Stat(filepath.Join(to, "home/dev/kept")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: /home has what the image has there: %v", kind, err)
		}
	}
}

// mountCalls is a machine that notes how it is told to mount, and does nothing.
type mountCalls struct {
	*linuxhost.Host
	told []string
}

func (m *mountCalls) Run(_ context.Context, c host.Command) error {
	m.told = append(m.told, strings.Join(c.Args[:5], " "))
	return nil
}

// TestShow: no kind of file system wants its journal replayed, or minds a twin that is mounted.
func TestShow(t *testing.T) {
	needRoot(t)
	m := &mountCalls{Host: linuxhost.New()}
	at := t.TempDir()
	for _, kind := range []string{"squashfs", "ext4", "xfs"} {
		if _, err := New(Config{Host: m}).show(t.Context(), kind, "image", at); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"mount -t squashfs -o loop,ro", "mount -t ext4 -o loop,ro,noload", "mount -t xfs -o loop,ro,norecovery,nouuid"}
	if d := cmp.Diff(want, m.told); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestChecksum: what isn't what was asked for is not unpacked, and doesn't stay.
func TestChecksum(t *testing.T) {
	file := filepath.Join(t.TempDir(), "image")
	put(t, file, "\x1f\x8bnot really", 0o644)
	to := target(t)
	p := New(Config{Source: config.Source{Kind: "liveimg", URL: served(t, file), Checksum: strings.Repeat("ab", 32)}, Host: linuxhost.New()})
	var wrong *ChecksumError
	if err := install(t, p, to, &progress{}); !errors.As(err, &wrong) || wrong.Got != digestOf(t, file) {
		t.Errorf("got %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(to, dir, "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestResolve: what an image is, and how large, is known before anything is written.
func TestResolve(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "page.tar.gz"), "<!DOCTYPE html><title>404</title>", 0o644)
	put(t, filepath.Join(dir, "a.img"), "\x1f\x8b"+strings.Repeat("x", 98), 0o644)
	put(t, filepath.Join(dir, "disc/images/a.txz"), "\xfd7zXZ\x00....", 0o644)
	url := served(t, filepath.Join(dir, "x"))
	resolve := func(source string) (*payload.Selection, error) {
		p := New(Config{Source: config.Source{Kind: "liveimg", URL: source, Checksum: "ab"}, Disc1: fetch.Dir(filepath.Join(dir, "disc"))})
		return p.Resolve(t.Context(), payload.Request{})
	}
	for source, want := range map[string]payload.Image{
		strings.TrimSuffix(url, "x") + "a.img":  {Kind: "tar.gz", Size: 100, Installed: 300},
		"file://" + filepath.Join(dir, "a.img"): {Kind: "tar.gz", Size: 100, Installed: 300},
		"file:///images/a.txz":                  {Kind: "tar.xz", Size: 10, Installed: 50, Disc: 1},
		"file:///run/install/repo/images/a.txz": {Kind: "tar.xz", Size: 10, Installed: 50, Disc: 1},
	} {
		sel, err := resolve(source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		want.URL, want.SHA256 = source, "ab"
		if d := cmp.Diff(&want, sel.Image); d != "" || sel.Warnings != nil {
			t.Errorf("%s: %s %q", source, d, sel.Warnings)
		}
		if discs := sel.Discs(); len(discs) != want.Disc {
			t.Errorf("%s: discs %v", source, discs)
		}
	}
	for source, want := range map[string]string{
		strings.TrimSuffix(url, "x") + "page.tar.gz": "neither a tar archive",
		strings.TrimSuffix(url, "x") + "none":        "not found",
		"file:///images/none":                        "there is no file /images/none in the installer's system, and on the medium",
		"nfs:server:/images/a.tar":                   "not by nfs",
	} {
		if _, err := resolve(source); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", source, err, want)
		}
	}
}

// TestResolveWarns: of what isn't known or can't be seen to a person is told.
func TestResolveWarns(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.(http.Flusher).Flush() // so there is no Content-Length
		io.WriteString(w, "\x1f\x8b....")
	}))
	defer server.Close()
	sel, err := New(Config{Source: config.Source{URL: server.URL + "/i"}}).Resolve(t.Context(), payload.Request{Extra: []string{"lvm2", "mdadm"}})
	if err != nil {
		t.Fatal(err)
	}
	said := strings.Join(sel.Warnings, "\n")
	for _, want := range []string{"--checksum=", "doesn't say how large", "lvm2, mdadm"} {
		if !strings.Contains(said, want) {
			t.Errorf("nothing of %q in %q", want, said)
		}
	}
	if fetched, installed := sel.Size(); fetched != 0 || installed != 0 {
		t.Errorf("sizes %d, %d of an unknown one", fetched, installed)
	}
}

// TestProxy: the image comes by the proxy of the boot options, and without one by that of the kickstart.
func TestProxy(t *testing.T) {
	proxy := func(body string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) }))
		t.Cleanup(s.Close)
		return s.URL
	}
	boot, kickstart := proxy("\x1f\x8b...."), proxy("\xfd7zXZ\x00....")
	for option, want := range map[string]string{boot: "tar.gz", "": "tar.xz"} {
		source := config.Source{URL: "http://server.invalid/i", Transfer: config.Transfer{Proxy: kickstart}}
		sel, err := New(Config{Source: source, Options: fetch.Options{Proxy: option}}).Resolve(t.Context(), payload.Request{})
		if err != nil || sel.Image.Kind != want {
			t.Errorf("with inst.proxy=%s: %+v, %v, want a %s", option, sel, err, want)
		}
	}
}

// TestFetchAgain: a good copy of an earlier try is used, and the server isn't asked again.
func TestFetchAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "image")
	put(t, file, "\x1f\x8b....", 0o644)
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		http.ServeFile(w, r, file)
	}))
	defer server.Close()
	p := New(Config{Source: config.Source{URL: server.URL, Checksum: digestOf(t, file)}})
	sel, err := p.Resolve(t.Context(), payload.Request{})
	if err != nil {
		t.Fatal(err)
	}
	f := payload.Fetch{Selection: sel, Target: t.TempDir(), Progress: &progress{}}
	if err := p.Fetch(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	before := asked.Load()
	if err := p.Fetch(t.Context(), f); err != nil || asked.Load() != before {
		t.Errorf("%v, asked %d times more", err, asked.Load()-before)
	}
	put(t, filepath.Join(f.Target, fileName), "damaged", 0o644)
	if err := p.Fetch(t.Context(), f); err != nil || !good(filepath.Join(f.Target, fileName), sel.Image.SHA256) {
		t.Errorf("a damaged copy was left: %v", err)
	}
}

// TestNoSystem: an archive of something else is refused when it is seen.
func TestNoSystem(t *testing.T) {
	needRoot(t)
	root := t.TempDir()
	put(t, filepath.Join(root, "rootfs/usr/bin/tool"), "x", 0o755)
	p := New(Config{Source: config.Source{URL: served(t, pack(t, "tar.gz", root))}, Host: linuxhost.New()})
	if err := install(t, p, t.TempDir(), &progress{}); err == nil || !strings.Contains(err.Error(), `at its top there is only ["rootfs"]`) {
		t.Errorf("got %v", err)
	}
}

// TestLinksStayInside: what an image has as a link is replaced, and nothing of the installer's own is written to or
// removed, whatever the link names.
func TestLinksStayInside(t *testing.T) {
	outside := t.TempDir()
	put(t, filepath.Join(outside, "id"), "the installer's", 0o644)
	put(t, filepath.Join(outside, "machine-id"), "the installer's", 0o644)
	to, pr := target(t), &progress{}
	if err := keepTables(to); err != nil {
		t.Fatal(err)
	}
	for _, link := range [][2]string{
		{filepath.Join(outside, "id"), "etc/machine-id"}, {filepath.Join(outside, "id"), "etc/fstab"}, {outside, "var/lib/dbus"},
	} {
		name := filepath.Join(to, link[1])
		if err := errors.Join(os.RemoveAll(name), os.MkdirAll(filepath.Dir(name), 0o755), os.Symlink(link[0], name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := settle(to, pr); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		filepath.Join(outside, "id"): "the installer's", filepath.Join(outside, "machine-id"): "the installer's",
		filepath.Join(to, "etc/machine-id"): "", filepath.Join(to, "etc/fstab"): "UUID=mine / ext4\n",
	} {
		info, err := os.Lstat(name)
		if err != nil || !info.Mode().IsRegular() {
			t.Errorf("%s is no file: %v", name, err)
		}
		if got, err := os.ReadFile(name); err != nil || string(got) != want {
			t.Errorf("%s has %q (%v), want %q", name, got, err, want)
		}
	}
}

// TestFull: a target that is too small is named as such, by both halves of the way.
func TestFull(t *testing.T) {
	needRoot(t)
	root := t.TempDir()
	put(t, filepath.Join(root, "usr/big"), strings.Repeat("x", 1<<20), 0o644)
	for kind, part := range map[string]string{"tar": "doesn't fit", "tar.gz": "unpack"} {
		small := t.TempDir()
		if err := syscall.Mount("molt-test", small, "tmpfs", 0, "size=512k"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { syscall.Unmount(small, syscall.MNT_DETACH) })
		p := New(Config{Source: config.Source{URL: served(t, pack(t, kind, root))}, Host: linuxhost.New()})
		err := install(t, p, small, &progress{})
		if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "the target is full") || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// stopped is a machine whose installation is ended when cp starts.
type stopped struct {
	finishes
	end  func()
	seen bool // what is mounted below at was there then
	at   string
}

// Run implements host.Commands.
func (s *stopped) Run(ctx context.Context, c host.Command) error {
	if c.Args[0] == "cp" && s.end != nil {
		s.end()
		s.end, s.seen = nil, mountedBelow(s.t, s.at)
	}
	return s.finishes.Run(ctx, c)
}

// mountedBelow reports whether the kernel has anything mounted below a directory.
func mountedBelow(t *testing.T, dir string) bool {
	t.Helper()
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(table), " "+dir+"/")
}

// TestInterrupted: when it is ended while an image is mounted nothing stays so, and another try succeeds.
func TestInterrupted(t *testing.T) {
	needRoot(t)
	root := system(t)
	to, pr := target(t), &progress{}
	ended, cancel := context.WithCancel(t.Context())
	machine := &stopped{finishes: finishes{linuxhost.New(), t}, end: cancel, at: to}
	p := New(Config{Source: config.Source{URL: served(t, pack(t, "live", root))}, Host: machine})
	sel, err := p.Resolve(t.Context(), payload.Request{})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Fetch(t.Context(), payload.Fetch{Selection: sel, Target: to, Progress: pr}); err != nil {
		t.Fatal(err)
	}
	if err := p.Install(ended, sel, to, pr); !errors.Is(err, context.Canceled) {
		t.Errorf("it went on: %v", err)
	}
	if !machine.seen {
		t.Error("nothing was mounted when cp started")
	}
	if mountedBelow(t, to) {
		t.Error("the image is still mounted")
	}
	if err := p.Install(t.Context(), sel, to, pr); err != nil {
		t.Fatal(err)
	}
	if err := p.Finish(t.Context(), sel, to, pr); err != nil {
		t.Fatal(err)
	}
	checkSystem(t, to)
}

// Run implements host.Commands.
func (f finishes) Run(ctx context.Context, c host.Command) error {
	if c.Root == "" {
		return f.Host.Run(ctx, c)
	}
	put(f.t, filepath.Join(c.Root, "boot/initrd.img-6.1"), strings.Join(c.Args, " ")+"\n", 0o644)
	return nil
}
