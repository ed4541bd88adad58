package tiny_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/molt-installer/molt/internal/vm/vmtest"
	"github.com/molt-installer/molt/stage2/event"
)

// imageOf packs a system as a tar archive: the base of the set, with a mark in it. It returns the
// archive and its SHA-256.
func imageOf(t *testing.T, mark string) (archive []byte, sum string) {
	t.Helper()
	vmtest.NeedRoot(t)
	vmtest.Need(t, "dpkg-deb", "tar")
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	pool := filepath.Join(vmtest.OpenSet(t, "tiny").Dir, "netboot/pool")
	for _, name := range []string{"tiny-base", "busybox-static", "tiny-kernel"} {
		var debs []string
		err := filepath.WalkDir(pool, func(path string, _ os.DirEntry, err error) error {
			if strings.HasPrefix(filepath.Base(path), name+"_") {
				debs = append(debs, path)
			}
			return err
		})
		if err != nil || len(debs) != 1 {
			t.Fatalf("%s is in the set as %q (%v)", name, debs, err)
		}
		run(t, "dpkg-deb", "--extract", debs[0], root)
	}
	for name, text := range map[string]string{"etc/golden": mark + "\n", "etc/fstab": "UUID=another-machine / ext4\n", "etc/machine-id": "0123\n"} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "golden")
	run(t, "tar", "--gzip", "-cf", file, "-C", root, ".")
	archive, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(archive)
	return archive, hex.EncodeToString(digest[:])
}

func run(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// TestImage: the system is made of an image at a server instead of packages, and it boots.
func TestImage(t *testing.T) {
	archive, sum := imageOf(t, "shed whole")
	_, url := web(t, map[string][]byte{"golden.tar.gz": archive})
	packages, _, _ := strings.Cut(kickstart, "%packages")
	ks := packages + "liveimg --url=" + url + "golden.tar.gz --checksum=" + sum + "\n"
	r := vmtest.Begin(t, vmtest.Scenario{Set: "tiny", Network: true, Append: direct + " ip=dhcp", Kickstart: ks})
	r.Finish()
	r.PoweredOff(t)
	r.CheckEvents(rootPassword, userPassword)
	r.CheckSwitched()
	if asked := r.Of(event.NeedDisc); len(asked) > 0 {
		t.Errorf("a disc was asked for: %+v", asked[0].Discs)
	}
	r.CheckDisk(func(root string) {
		for name, want := range map[string]string{"etc/golden": "shed whole\n", "etc/machine-id": ""} {
			if text, err := os.ReadFile(filepath.Join(root, name)); err != nil || string(text) != want {
				t.Errorf("/%s: %q, %v", name, text, err)
			}
		}
		if fstab, err := os.ReadFile(filepath.Join(root, "etc/fstab")); err != nil || strings.Contains(string(fstab), "another-machine") {
			t.Errorf("the table of file systems is the image's: %q, %v", fstab, err)
		}
		if _, err := os.Stat(filepath.Join(root, ".molt")); err == nil {
			t.Error("/.molt is left behind")
		}
	})
	sys := r.Boot(rootPassword)
	if got := sys.Shell("cat /etc/golden; hostname"); got != "shed whole\nsnake" && got != "shed whole\r\nsnake" {
		t.Errorf("the system says %q", got)
	}
	sys.Off()
}
