package initramfs

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/u-root/mkuimage/cpio"

	"github.com/molt-installer/molt/internal/modinfo/modinfotest"
	"github.com/molt-installer/molt/media"
)

func TestSelection(t *testing.T) {
	s := compile([]string{"drivers/ata/...", "!drivers/ata/pata_{a,b}", "fs/{isofs,ext4}/*", "drivers/{x,y}/{p,q}"})
	for name, want := range map[string]bool{
		"drivers/ata/ahci": true, "drivers/ata/deep/er/x": true, "drivers/ata/pata_a": false, "drivers/ata/pata_c": true,
		"fs/isofs/isofs": true, "fs/isofs/sub/x": false, "fs/xfs/xfs": false, "drivers/atax/y": false,
		"drivers/y/q": true, "drivers/y/r": false,
	} {
		if got := s.has(name, nil); got != want {
			t.Errorf("has(%q) = %v", name, got)
		}
	}
}

func TestDefaultsLeaveOut(t *testing.T) {
	s := compile(DefaultModules())
	for _, name := range []string{
		"sound/core/snd", "drivers/gpu/drm/i915/i915", "drivers/net/wireless/intel/iwlwifi/iwlwifi", "drivers/input/joystick/xpad",
		"drivers/scsi/scsi_debug", "drivers/scsi/qla2xxx/qla2xxx", "fs/f2fs/f2fs", "net/mac80211/mac80211",
	} {
		if s.has(name, nil) {
			t.Errorf("%s goes in", name)
		}
	}
	plain := compile(BootModules())
	for _, name := range []string{"drivers/ata/ahci", "drivers/scsi/sr_mod", "drivers/block/loop", "fs/squashfs/squashfs", "fs/isofs/isofs", "fs/overlayfs/overlay"} {
		if !s.has(name, nil) || !plain.has(name, nil) {
			t.Errorf("%s is not there, or not uncompressed", name)
		}
	}
}

// kernelTree is a module tree of made-up modules.
func kernelTree(t *testing.T) string {
	t.Helper()
	top := filepath.Join(t.TempDir(), "6.12.0-test")
	files := map[string][]byte{
		"kernel/drivers/ata/ahci.ko":           modinfotest.Module("alias=pci:v*d*sv*sd*bc01sc06i01*\x00depends=libahci\x00firmware=ata/fw.bin\x00"),
		"kernel/drivers/ata/libahci.ko":        modinfotest.Module("depends=libata\x00"),
		"kernel/drivers/ata/libata.ko":         modinfotest.Module("depends=scsi_mod,virtio\x00"),
		"kernel/drivers/scsi/scsi-mod.ko":      modinfotest.Module("softdep=pre: crc32c nowhere\x00"),
		"kernel/crypto/crc32c.ko":              modinfotest.Module("depends=\x00"),
		"kernel/sound/snd.ko":                  modinfotest.Module("depends=\x00"),
		"modules.builtin":                      []byte("kernel/drivers/virtio/virtio.ko\n"),
		"../firmware/ata/fw.bin":               []byte("firmware"),
		"../firmware/ata/fw.bin.old":           []byte("not wanted: old"),
		"../firmware/other.bin":                []byte("not wanted"),
		"kernel/drivers/net/wireless/iwl.ko.x": []byte("not even a module"),
	}
	for name, data := range files {
		p := filepath.Join(top, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return top
}

// small is a Config that needs neither the go command nor a kernel.
func small(t *testing.T) Config {
	t.Helper()
	init := filepath.Join(t.TempDir(), "init")
	if err := os.WriteFile(init, []byte("program"), 0o644); err != nil {
		t.Fatal(err)
	}
	tree := kernelTree(t)
	return Config{
		Init: init, Modules: tree, Firmware: []string{filepath.Join(tree, "../firmware")}, Rescue: []string{},
		Select: []string{"drivers/ata/...", "drivers/nothing/*"}, Plain: []string{"drivers/ata/libata"},
		Build: media.Build{Set: media.Set{ID: "5f0c"}}, Files: []File{{Name: "/etc/motd", Data: []byte("hello\n")}},
	}
}

// TestRescueSource: go.mod holds the module whose source the rescue commands are built from.
func TestRescueSource(t *testing.T) {
	uroot, err := goCommand(t.Context(), ".", "list", "-m", "-f", "{{.Dir}}", urootModule)
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range DefaultRescue() {
		if _, err := os.Stat(filepath.Join(uroot, "cmds", dir)); err != nil {
			t.Error(err)
		}
	}
}

func TestBuild(t *testing.T) {
	var first, second bytes.Buffer
	c := small(t)
	r, err := Build(context.Background(), &first, c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Build(context.Background(), &second, c); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("two builds of the same differ")
	}
	if r.Archive != int64(first.Len()) || r.Count != 5 || r.Kernel != "6.12.0-test" || !slices.Equal(r.Unmatched, []string{"drivers/nothing/*"}) {
		t.Errorf("report: %+v", r)
	}
	files := unpack(t, first.Bytes())
	const tree = "lib/modules/6.12.0-test/"
	for name, want := range map[string]string{
		"init": "program", "etc/motd": "hello\n", "lib/firmware/ata/fw.bin": "firmware",
		tree + "modules.alias":   "alias pci:v*d*sv*sd*bc01sc06i01* ahci\n",
		tree + "modules.softdep": "softdep scsi_mod pre: crc32c nowhere\n",
		tree + "modules.builtin": "virtio.ko\n",
	} {
		if got := string(files[name]); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	dep := string(files[tree+"modules.dep"])
	if line := "kernel/drivers/ata/ahci.ko: kernel/drivers/ata/libahci.ko kernel/drivers/ata/libata.ko kernel/drivers/scsi/scsi-mod.ko\n"; !strings.Contains(dep, line) {
		t.Errorf("modules.dep:\n%s", dep)
	}
	for name := range files {
		if strings.Contains(name, "snd") || strings.Contains(name, "other.bin") || strings.Contains(name, "iwl") {
			t.Errorf("%s is in", name)
		}
	}
	var b media.Build
	if err := json.Unmarshal(files[strings.TrimPrefix(media.BuildPath, "/")], &b); err != nil || b.Set.ID != "5f0c" {
		t.Errorf("%+v, %v", b, err)
	}
}

func TestBuildNamesWhatIsMissing(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Config)
		says   string
	}{
		"no kernel": {func(c *Config) { c.Modules = "/nonexistent" }, "unpacked /lib/modules"},
		"no init":   {func(c *Config) { c.Init = "/nonexistent" }, "/nonexistent"},
		"a broken module": {func(c *Config) {
			_ = os.WriteFile(filepath.Join(c.Modules, "kernel/drivers/ata/bad.ko"), []byte("text"), 0o644)
		}, "bad.ko"},
		"a missing dependency": {func(c *Config) {
			_ = os.Remove(filepath.Join(c.Modules, "kernel/drivers/scsi/scsi-mod.ko"))
		}, "no module scsi_mod"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := small(t)
			c.change(&cfg)
			if _, err := Build(context.Background(), io.Discard, cfg); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestFirmware: of packages with firmware only what a module that goes in names is
// taken, compressed or not, from the first that has it, and by no link out of it.
func TestFirmware(t *testing.T) {
	c := small(t)
	net := filepath.Join(c.Modules, "kernel/drivers/net/nic.ko")
	if err := os.MkdirAll(filepath.Dir(net), 0o755); err != nil {
		t.Fatal(err)
	}
	info := "firmware=nic/a-1.fw\x00firmware=nic/b.fw\x00firmware=nic/link.fw\x00firmware=nic/out.fw\x00firmware=nic/c-*.bin\x00firmware=nic/never.fw\x00"
	if err := os.WriteFile(net, modinfotest.Module(info), 0o644); err != nil {
		t.Fatal(err)
	}
	c.Select = []string{"drivers/net/nic"}
	first, second, idle := t.TempDir(), t.TempDir(), t.TempDir()
	c.Firmware = []string{first, second, idle}
	outside := filepath.Join(t.TempDir(), "secret")
	for name, content := range map[string]string{
		first + "/nic/a-1.fw": "a", first + "/nic/a-2.fw": "another version", first + "/nic/b.fw.xz": "b", second + "/nic/a-1.fw": "later",
		second + "/nic/c-1.bin": "c1", second + "/nic/c-2.bin.zst": "c2", first + "/amd-ucode/microcode.bin": "microcode",
		idle + "/wifi/x.ucode": "no module for it", outside: "of this machine",
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, to := range map[string]string{first + "/nic/link.fw": "a-2.fw", first + "/nic/out.fw": outside} {
		if err := os.Symlink(to, name); err != nil {
			t.Fatal(err)
		}
	}
	var archive bytes.Buffer
	r, err := Build(t.Context(), &archive, c)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for name, data := range unpack(t, archive.Bytes()) {
		if rel, ok := strings.CutPrefix(name, "lib/firmware/"); ok && rel != "nic" {
			got[rel] = string(data)
		}
	}
	want := map[string]string{"nic/a-1.fw": "a", "nic/b.fw.xz": "b", "nic/link.fw": "another version", "nic/c-1.bin": "c1", "nic/c-2.bin.zst": "c2"}
	if !maps.Equal(got, want) || !slices.Equal(r.Idle, []string{idle}) || r.Firmware == 0 {
		t.Errorf("%v, want %v; nothing from %v; %d bytes", got, want, r.Idle, r.Firmware)
	}
	none := filepath.Join(t.TempDir(), "none")
	c.Firmware = []string{none}
	if _, err := Build(t.Context(), io.Discard, c); err == nil || !strings.Contains(err.Error(), none) {
		t.Errorf("%v", err)
	}
}

// unpack returns the regular files of an archive; every directory must come before what is in it.
func unpack(t *testing.T, archive []byte) map[string][]byte {
	t.Helper()
	z, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	data, err := z.DecodeAll(archive, nil)
	if err != nil {
		t.Fatal(err)
	}
	files, dirs := map[string][]byte{}, map[string]bool{".": true}
	err = cpio.ForEachRecord(cpio.Newc.Reader(bytes.NewReader(data)), func(r cpio.Record) error {
		if !dirs[filepath.Dir(r.Name)] {
			t.Errorf("%s comes before its directory", r.Name)
		}
		if r.Mode&cpio.S_IFMT == cpio.S_IFDIR {
			dirs[r.Name] = true
		}
		if r.MTime != 0 || r.UID != 0 {
			t.Errorf("%s has a time or an owner", r.Name)
		}
		if r.ReaderAt == nil {
			return nil
		}
		content, err := io.ReadAll(io.NewSectionReader(r, 0, int64(r.FileSize)))
		files[r.Name] = content
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
