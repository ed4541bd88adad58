package storage_test

import (
	"context"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/molt-installer/molt/internal/vm"
	"github.com/molt-installer/molt/internal/vm/vmtest"
)

// windows makes a disk with Windows on it and a file system with somebody's files in
// all the rest: $1 is the disk, $2 a directory.
const windows = `set -e
cd "$2"
truncate -s 4G "$1"
sfdisk --quiet "$1" << END
label: gpt
start=1MiB, size=64MiB, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, name="EFI system partition"
start=65MiB, size=16MiB, type=E3C9E316-0B5C-4DB8-817D-F92DF00215AE, name="Microsoft reserved partition"
start=81MiB, size=200MiB, type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7, name="Basic data partition"
start=281MiB, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, name="files"
END
truncate -s 64M esp
mkfs.vfat -F 32 esp > mkfs.log
mmd -i esp ::EFI ::EFI/Microsoft ::EFI/Boot
echo "Windows' boot manager" | mcopy -i esp - ::EFI/Microsoft/bootmgfw.efi
echo "a copy of it" | mcopy -i esp - ::EFI/Boot/bootx64.efi
truncate -s 200M ntfs
mkntfs --quiet --force --quick --partition-start 165888 ntfs
mkdir files
for n in 1 2 3 4 5; do head -c ${n}000001 /dev/urandom > files/file$n; done
(cd files && sha256sum file* > digests)
truncate -s 3814M ext4
mkfs.ext4 -q -d files ext4
dd if=esp of="$1" bs=1M seek=1 conv=notrunc,sparse status=none
dd if=ntfs of="$1" bs=1M seek=81 conv=notrunc,sparse status=none
dd if=ext4 of="$1" bs=1M seek=281 conv=notrunc,sparse status=none
`

// beside makes the files' partition smaller and installs in the room that gives.
const beside = `part /boot/efi --onpart=vda1 --fstype=efi --noformat
part /srv --onpart=vda4 --resize --size=1500 --noformat
part / --fstype=ext4 --size=1000 --grow --ondisk=vda
`

// entries gives the firmware an entry for Windows before, and notes all it has after.
const entries = `%pre
mount -t efivarfs efivarfs /sys/firmware/efi/efivars
efibootmgr --create --disk /dev/vda --part 1 --loader '\EFI\Microsoft\bootmgfw.efi' --label 'Windows Boot Manager'
umount /sys/firmware/efi/efivars
%end
%post --nochroot
mount -t efivarfs efivarfs /sys/firmware/efi/efivars
efibootmgr > /mnt/sysimage/root/entries
umount /sys/firmware/efi/efivars
%end
`

// TestBeside: beside Windows, on a disk whose last file system is made smaller for it,
// nothing of what was there changes, and the machine can start both.
func TestBeside(t *testing.T) {
	vmtest.Need(t, "sfdisk", "mkntfs", "mkfs.vfat", "mkfs.ext4", "mcopy", "e2fsck")
	vmtest.NeedRoot(t)
	disk := filepath.Join(t.TempDir(), "disk.img")
	if out, err := exec.CommandContext(t.Context(), "sh", "-c", windows, "sh", disk, t.TempDir()).CombinedOutput(); err != nil {
		t.Fatalf("make the disk: %v: %s", err, out)
	}
	before := digestOf(t, disk, 65<<20, 216<<20) // the reserved partition and Windows' own
	r := vmtest.Install(t, vmtest.Scenario{
		Set: "tiny", Append: direct, Firmware: vm.UEFI, KeepVars: true, Disk: disk, Timeout: 10 * time.Minute,
		Kickstart: kickstart("clearpart --none", beside) + entries,
	})
	r.CheckEvents(password)
	sys := r.Boot(password)
	check(t, sys, map[string]string{
		"grep ' / ' /proc/mounts":           "^/dev/vda5 .*ext4",
		"grep ' /srv ' /proc/mounts":        "^/dev/vda4 .*ext4",
		"df -m /srv | tail -1":              `\s14\d\d\s`,
		"(cd /srv && sha256sum -c digests)": `file1: OK\nfile2: OK\nfile3: OK\nfile4: OK\nfile5: OK`,
		"cat /root/entries":                 `(?s)(Windows Boot Manager.*tiny|tiny.*Windows Boot Manager)`,
	})
	sys.Off()
	if digestOf(t, disk, 65<<20, 216<<20) != before {
		t.Error("Windows' partitions have been written to")
	}
	checkWindows(t, disk)
}

// checkWindows looks at the ESP and at the file system that is smaller now.
func checkWindows(t *testing.T, disk string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	img, err := vm.OpenImage(ctx, disk)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"EFI/Microsoft/bootmgfw.efi": "Windows' boot manager\n", "EFI/Boot/bootx64.efi": "a copy of it\n"} {
		if got, err := img.Parts[0].ReadFile(ctx, name); string(got) != want {
			t.Errorf("%s on the ESP is %d bytes, not Windows' (%v)", name, len(got), err)
		}
	}
	if _, err := img.Parts[0].ReadFile(ctx, "EFI/tiny/grubx64.efi"); err != nil {
		t.Error(err)
	}
	for _, n := range []int{0, 3, 4} {
		if err := img.Parts[n].Check(ctx); err != nil {
			t.Error(err)
		}
	}
}

// TestTooSmall: a disk on which there is no room is refused before anything is
// written to it.
func TestTooSmall(t *testing.T) {
	disk := filepath.Join(t.TempDir(), "disk.img")
	before := filled(t, disk, 128<<20)
	r := vmtest.Begin(t, vmtest.Scenario{Set: "tiny", Append: direct, Disk: disk, Kickstart: kickstart(all, "autopart\n")})
	if reason := r.Fails(); !regexp.MustCompile(`/dev/vda: is 128 MiB, and .* need .* more`).MatchString(reason) {
		t.Errorf("it failed for another reason: %s", reason)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if digestOf(t, disk, 0, 128<<20) != before {
		t.Error("the disk has been written to")
	}
}
