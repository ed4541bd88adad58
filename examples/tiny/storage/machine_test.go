package storage_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/molt-installer/molt/internal/vm"
	"github.com/molt-installer/molt/internal/vm/vmtest"
)

const (
	password   = "shed-skin-17"
	passphrase = "constrictor-8"
	// direct are the kernel options of a machine that is started without a boot loader.
	direct = "console=tty0 console=ttyS0,115200n8 no_timer_check quiet"
	// all gives disks up as a whole.
	all = "zerombr\nclearpart --all --initlabel"
)

const bootloader = `bootloader --timeout=0 --append="no_timer_check quiet"`

// kickstart installs the base alone, which is on disc 1. clear says what is given up,
// storage what is made, and, if need be, another boot loader.
func kickstart(clear, storage string) string {
	return "text\nlang C.UTF-8\nkeyboard us\ntimezone Etc/UTC --utc\nrootpw " + password + "\n" + bootloader + "\n" + clear + "\n" + storage + "poweroff\n"
}

// filled is a disk that has something all over it.
func filled(t *testing.T, path string, size int64) (digest string) {
	t.Helper()
	if err := vm.MkDisk(path, size); err != nil {
		t.Fatal(err)
	}
	for at := int64(0); at < size; at += 16 << 20 {
		write(t, path, at, strings.NewReader(fmt.Sprintf("nobody named this disk, %d", at)))
	}
	return digestOf(t, path, 0, size)
}

// write copies what r has into a file that is there, from byte at.
func write(t *testing.T, path string, at int64, r io.Reader) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := io.Copy(io.NewOffsetWriter(f, at), r); err != nil {
		t.Fatal(err)
	}
}

// digestOf is the SHA-256 of a piece of a file.
func digestOf(t *testing.T, path string, start, size int64) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(f, start, size)); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// checkKickstarts looks for both kickstarts in the installed system, and returns
// that of what was done.
func checkKickstarts(t *testing.T, sys *vmtest.System) (done string) {
	t.Helper()
	for _, name := range []string{"ks.cfg", "installed.ks"} {
		done = sys.Shell("cat /var/log/installer/" + name)
		if !strings.Contains(done, "rootpw ") {
			t.Errorf("%s is no kickstart: %s", name, done)
		}
		secrets := password + "|" + passphrase
		if name == "ks.cfg" { // the other one keeps the hashes
			secrets += `|\$y\$`
		}
		if found := regexp.MustCompile(secrets).FindString(done); found != "" {
			t.Errorf("%s has the secret %s", name, found)
		}
		if mode := sys.Shell("stat -c %a /var/log/installer/" + name); mode != "600" {
			t.Errorf("%s has the mode %s", name, mode)
		}
	}
	return done
}

// ids are what differs between two equal installations, and dates.
var ids = regexp.MustCompile(`(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b[0-9a-f]{4}-[0-9a-f]{4}\b|label-id: \S+`)

// facts are how the disks of a running system are laid out, without ids.
func facts(t *testing.T, sys *vmtest.System, disks []string) string {
	t.Helper()
	all := sys.Shell("grep -v '^#' /etc/fstab; grep ^/dev /proc/mounts; cat /proc/swaps; [ ! -e /proc/mdstat ] || cat /proc/mdstat")
	all += sys.Shell("[ ! -x /usr/sbin/lvs ] || { pvs --noheadings -o pv_name,vg_name,pv_size; lvs --noheadings -o lv_name,lv_attr,lv_size,segtype,devices; }")
	for _, disk := range disks {
		out, err := exec.CommandContext(t.Context(), "sfdisk", "--dump", disk).CombinedOutput()
		if err != nil {
			t.Fatalf("sfdisk --dump %s: %v: %s", disk, err, out)
		}
		all += strings.ReplaceAll(string(out), disk, "disk")
	}
	return ids.ReplaceAllString(all, "ID")
}
