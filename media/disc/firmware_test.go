package disc

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/molt-installer/molt/initramfs"
	"github.com/molt-installer/molt/internal/modinfo/modinfotest"
)

// unpackedAs is a package's root with these directories.
func unpackedAs(t *testing.T, dirs ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, dir := range dirs {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestFirmwareOfPackages(t *testing.T) {
	var list []firmware
	for name, root := range map[string]string{
		"firmware-new": unpackedAs(t, "usr/lib/firmware/nic"), "firmware-old": unpackedAs(t, "lib/firmware/nic"),
		"firmware-both": unpackedAs(t, "usr/lib/firmware", "lib/firmware"),
	} {
		f, err := firmwareIn(name, root)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b firmware) int { return strings.Compare(a.name, b.name) })
	all := trees(list)
	if len(all) != 4 {
		t.Errorf("%v", all)
	}
	unused := initramfs.Report{Idle: []string{list[0].trees[1], list[2].trees[0]}} // one of both's two, and old's
	if got := idle(list, unused); !slices.Equal(got, []string{"firmware-old"}) {
		t.Errorf("of no use: %v", got)
	}
	if _, err := firmwareIn("firmware-linux", unpackedAs(t, "usr/share/doc")); err == nil || !strings.Contains(err.Error(), "firmware-linux") {
		t.Errorf("%v", err)
	}
}

// made is a package of these files, as apt would have downloaded it.
func made(t *testing.T, a *apt, name string, files map[string]string) pkg {
	t.Helper()
	dir := t.TempDir()
	files["DEBIAN/control"] = "Package: " + name + "\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\nDescription: made up\n"
	for file, content := range files {
		file = filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p := pkg{Name: name, Version: "1", Arch: "all"}
	p.Path = localPoolPath(p)
	if _, err := command(t.Context(), nil, "dpkg-deb", "--root-owner-group", "--build", dir, a.archive(p)); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestFirmwareInTheInitramfs: two packages, and a card that wants a file of one.
func TestFirmwareInTheInitramfs(t *testing.T) {
	needTools(t, "dpkg-deb")
	a := &apt{local: t.TempDir()}
	pkgs := []pkg{
		made(t, a, "firmware-nic", map[string]string{"usr/lib/firmware/nic/a.fw": "program of the card", "usr/lib/firmware/nic/b.fw": "of another"}),
		made(t, a, "firmware-wifi", map[string]string{"usr/lib/firmware/wifi.ucode": "no module for it"}),
	}
	var list []firmware
	for _, p := range pkgs {
		root := t.TempDir()
		if err := a.unpack(t.Context(), []pkg{p}, root); err != nil {
			t.Fatal(err)
		}
		f, err := firmwareIn(p.Name, root)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, f)
	}
	kernel := filepath.Join(unpackedAs(t, "6.12.0/kernel/drivers/net"), "6.12.0")
	nic := filepath.Join(kernel, "kernel/drivers/net/nic.ko")
	if err := os.WriteFile(nic, modinfotest.Module("firmware=nic/a.fw\x00firmware=nic/never.fw\x00"), 0o644); err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	r, err := initramfs.Build(t.Context(), &archive, initramfs.Config{
		Init: nic, Modules: kernel, Select: []string{"drivers/net/*"}, Firmware: trees(list), Rescue: []string{},
	})
	if err != nil {
		t.Fatal(err)
	}
	z, err := zstd.NewReader(&archive)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{
		"lib/firmware/nic/a.fw\x00": true, "program of the card": true, "nic/b.fw": false, "wifi.ucode": false,
	} {
		if bytes.Contains(data, []byte(text)) != want {
			t.Errorf("%q is in: %v", text, !want)
		}
	}
	if got := idle(list, r); !slices.Equal(got, []string{"firmware-wifi"}) {
		t.Errorf("of no use: %v", got)
	}
}

// TestComponents: packages are read from all components, those of the set are in one.
func TestComponents(t *testing.T) {
	for text, want := range map[string]string{
		smallest: "trixie main\n",
		strings.Replace(smallest, "[base]", "components = [\"main\", \"non-free-firmware\"]\n[base]", 1): "trixie main non-free-firmware\n",
		strings.Replace(smallest, "[base]", "component = \"own\"\n[base]", 1):                            "trixie own\n",
	} {
		d, err := parseDistro("x.toml", text)
		if err != nil {
			t.Fatal(err)
		}
		if got := (&apt{distro: d, mirror: "http://archive.example/debian"}).sources(); !strings.HasSuffix(got, want) {
			t.Errorf("%q doesn't end in %q", got, want)
		}
	}
}
