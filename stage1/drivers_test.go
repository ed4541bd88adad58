package stage1

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/u-root/mkuimage/cpio"

	"github.com/molt-installer/molt/internal/modinfo/modinfotest"
)

// driverSession has a module tree of made-up modules.
func driverSession(t *testing.T) *session {
	t.Helper()
	s, _, _ := testSession(t)
	for name, text := range map[string]string{
		"modules.dep":   "kernel/base.ko: \nkernel/mid.ko: kernel/base.ko\n",
		"modules.alias": "alias pci:v1* mid\n",
	} {
		if err := os.MkdirAll(s.release(), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(s.release(), name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.devices.reopen(); err != nil {
		t.Fatal(err)
	}
	return s
}

func driver(kernel string) []byte {
	return modinfotest.Module("name=fast_nic\x00alias=pci:v00001234*\x00depends=mid\x00firmware=fast.bin\x00vermagic=" + kernel + " SMP\x00")
}

func TestDriverDisk(t *testing.T) {
	s := driverSession(t)
	disk := filepath.Join(t.TempDir(), "dd.cpio")
	data := archive(t, cpio.StaticFile("some/where/fast-nic.ko", string(driver(kernelRelease())), 0o644),
		cpio.StaticFile("firmware/fast.bin", "code", 0o644), cpio.StaticFile("README", "not for the kernel", 0o644))
	if err := os.WriteFile(disk, data, 0o644); err != nil {
		t.Fatal(err)
	}
	s.setCommandLine("inst.dd=file:" + disk)
	if err := s.drivers(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"firmware/fast.bin", "modules/fast-nic.ko"}, s.fixed.Drivers); diff != "" {
		t.Error(diff)
	}
	want := []string{"kernel/base.ko", "kernel/mid.ko", "updates/fast-nic.ko"}
	if diff := cmp.Diff(want, s.devices.files("fast_nic")); diff != "" {
		t.Error(diff)
	}
	if names := s.devices.index.Names("pci:v00001234d5"); !cmp.Equal(names, []string{"fast_nic"}) {
		t.Errorf("the device asks for %v", names)
	}
	if got, err := os.ReadFile(filepath.Join(s.dirs.firmware, "updates/fast.bin")); err != nil || string(got) != "code" {
		t.Errorf("%q, %v", got, err)
	}
	before, _ := os.ReadFile(filepath.Join(s.release(), "modules.dep"))
	if err := s.drivers(t.Context()); err != nil { // another try doesn't add them again
		t.Fatal(err)
	}
	if after, _ := os.ReadFile(filepath.Join(s.release(), "modules.dep")); string(after) != string(before) {
		t.Errorf("modules.dep is now\n%s", after)
	}
}

func TestDriverDiskThatIsNoGood(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct {
		file string
		data []byte
		says string
	}{
		"another kernel": {"old.ko", driver("5.10.0-old"), "it is for Linux 5.10.0-old, and this is Linux " + kernelRelease()},
		"no module":      {"text.ko", []byte("hello"), "text.ko"},
		"empty archive":  {"dd.cpio", archive(t, cpio.StaticFile("README", "x", 0o644)), "neither a kernel module"},
		"no archive":     {"dd.img", []byte("hello"), "cpio"},
	} {
		t.Run(name, func(t *testing.T) {
			s := driverSession(t)
			file := filepath.Join(dir, c.file)
			if err := os.WriteFile(file, c.data, 0o644); err != nil {
				t.Fatal(err)
			}
			s.setCommandLine("inst.dd=file:" + file)
			if err := s.drivers(t.Context()); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v\ndoesn't say %q", err, c.says)
			}
		})
	}
}
