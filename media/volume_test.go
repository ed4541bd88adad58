package media

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// patches is a disk that is zero except at these offsets.
type patches map[int64]string

func (p patches) image(size int64) []byte {
	b := make([]byte, size)
	for at, s := range p {
		copy(b[at:], s)
	}
	return b
}

const id = "\x12\x34\x56\x78\x9a\xbc\xde\xf0\x12\x34\x56\x78\x9a\xbc\xde\xf0"
const idText = "12345678-9abc-def0-1234-56789abcdef0"

func volumeCases() []struct {
	name string
	disk patches
	want Volume
} {
	raid := "\xfc\x4e\x2b\xa9\x01\x00\x00\x00"
	fat := "\xeb\x3c\x90mkfs.fat\x00\x02\x04\x04\x00\x02\x10\x00\x00\x02\xf8\x01\x00"
	return []struct {
		name string
		disk patches
		want Volume
	}{
		{"nothing", patches{}, Volume{}},
		{"luks1", patches{0: "LUKS\xba\xbe\x00\x01", 168: idText}, Volume{FSType: "crypto_LUKS", UUID: idText}},
		{"luks2", patches{0: "LUKS\xba\xbe\x00\x02", 24: "secret", 168: idText}, Volume{FSType: "crypto_LUKS", Label: "secret", UUID: idText}},
		{"lvm", patches{512: "LABELONE", 512 + 20: "\x20\x00\x00\x00LVM2 001ihUfK9pLjc0lJmSwi2jD3bSdtXwUXTol"},
			Volume{FSType: "LVM2_member", UUID: "ihUfK9-pLjc-0lJm-Swi2-jD3b-SdtX-wUXTol"}},
		{"raid 1.1", patches{0: raid, 16: id + "box:0"}, Volume{FSType: "linux_raid_member", Label: "box:0", UUID: idText}},
		{"raid 1.2", patches{4096: raid, 4096 + 16: id + "box:1"}, Volume{FSType: "linux_raid_member", Label: "box:1", UUID: idText}},
		{"raid 1.0", patches{testSize - 8192: raid, testSize - 8192 + 16: id + "box:2"}, Volume{FSType: "linux_raid_member", Label: "box:2", UUID: idText}},
		{"raid 0.90", patches{testSize - 65536: "\xfc\x4e\x2b\xa9"}, Volume{FSType: "linux_raid_member"}},
		{"swap", patches{4086: "SWAPSPACE2", 1024 + 12: id + "swappy"}, Volume{FSType: "swap", Label: "swappy", UUID: idText}},
		{"xfs", patches{0: "XFSB", 32: id, 108: "twelve chars"}, Volume{FSType: "xfs", Label: "twelve chars", UUID: idText}},
		{"btrfs", patches{65536 + 32: id, 65536 + 64: "_BHRfS_M", 65536 + 299: "butter"}, Volume{FSType: "btrfs", Label: "butter", UUID: idText}},
		{"ext2", patches{1024 + 56: "\x53\xef", 1024 + 104: id + "two"}, Volume{FSType: "ext2", Label: "two", UUID: idText}},
		{"ext3", patches{1024 + 56: "\x53\xef", 1024 + 92: "\x04", 1024 + 104: id}, Volume{FSType: "ext3", UUID: idText}},
		{"ext4", patches{1024 + 56: "\x53\xef", 1024 + 92: "\x04\x00\x00\x00\x42", 1024 + 104: id + "sixteen letters!"},
			Volume{FSType: "ext4", Label: "sixteen letters!", UUID: idText}},
		{"squashfs", patches{0: "hsqs"}, Volume{FSType: "squashfs"}},
		{"bitlocker", patches{0: "\xeb\x58\x90-FVE-FS-"}, Volume{FSType: "BitLocker"}},
		{"fat16", patches{0: fat, 39: "\x4d\x3c\x2b\x1aNO NAME    FAT16   ", 510: "\x55\xaa"}, Volume{FSType: "vfat", UUID: "1A2B-3C4D"}},
		{"fat16 with a label in its root", patches{0: fat, 39: "\x4d\x3c\x2b\x1aNO NAME    FAT16   ", 510: "\x55\xaa", 6 * 512: "OEMDRV     \x08"},
			Volume{FSType: "vfat", Label: "OEMDRV", UUID: "1A2B-3C4D"}},
		{"boot code", patches{0: fat, 510: "\x55\xaa"}, Volume{}},
	}
}

const testSize = 256 << 10

func TestReadVolume(t *testing.T) {
	for _, tt := range volumeCases() {
		t.Run(tt.name, func(t *testing.T) {
			tt.want.Size = testSize
			if diff := cmp.Diff(tt.want, ReadVolume(bytes.NewReader(tt.disk.image(testSize)), testSize)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What mkfs makes, checked by blkid.
func TestReadVolumeAgainstBlkid(t *testing.T) {
	if _, err := exec.LookPath("blkid"); err != nil {
		t.Skip("blkid is not installed")
	}
	for _, command := range []string{
		"8 mkfs.ext2 -q -L two", "8 mkfs.ext3 -q -L three", "8 mkfs.ext4 -q -L four",
		"4 mkfs.vfat -F12 -n TWELVE", "40 mkfs.vfat -F16 -n OEMDRV", "40 mkfs.vfat -F16", "300 mkfs.vfat -F32 -n THIRTYTWO",
		"320 mkfs.xfs -q -L exit", "120 mkfs.btrfs -q -L butter", "1 mkswap -L swappy",
		"20 mkntfs -q -F -f -L Windows", "20 mkfs.exfat -L extra",
	} {
		t.Run(command, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "disk.img")
			mkfs(t, path, command)
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			size, _ := f.Seek(0, io.SeekEnd)
			v := ReadVolume(f, size)
			for tag, got := range map[string]string{"TYPE": v.FSType, "LABEL": v.Label, "UUID": v.UUID} {
				out, _ := exec.Command("blkid", "-p", "-o", "value", "-s", tag, path).Output()
				if want := strings.TrimSpace(string(out)); got != want {
					t.Errorf("%s is %q, blkid says %q", tag, got, want)
				}
			}
		})
	}
}

// mkfs runs a program on a new file: "size in MiB, program, options".
func mkfs(t *testing.T, path, command string) {
	t.Helper()
	words := strings.Fields(command)
	if _, err := exec.LookPath(words[1]); err != nil {
		t.Skip(words[1] + " is not installed")
	}
	var mib int64
	fmt.Sscan(words[0], &mib)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, mib<<20); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(words[1], append(words[2:], path)...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
}

func FuzzReadVolume(f *testing.F) {
	for _, c := range volumeCases() {
		f.Add(bytes.TrimRight(c.disk.image(testSize), "\x00"))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v := ReadVolume(bytes.NewReader(data), int64(len(data)))
		if v.FSType == "" && v.Label+v.UUID != "" {
			t.Errorf("a volume without a type: %+v", v)
		}
	})
}

// tree makes a directory with these files in it.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestVolumes(t *testing.T) {
	label := func(s string) string {
		return string(patches{1024 + 56: "\x53\xef", 1024 + 120: s}.image(4096))
	}
	root := tree(t, map[string]string{
		"sys/block/sda/size":            "200\n",
		"sys/block/sda/sda1/partition":  "1\n",
		"sys/block/sda/sda1/size":       "8\n",
		"sys/block/sda/sda10/partition": "10\n",
		"sys/block/sda/sda10/size":      "8\n",
		"sys/block/sda/sda2/partition":  "2\n",
		"sys/block/sda/sda2/size":       "8\n",
		"sys/block/cciss!c0d0/size":     "8\n",
		"sys/block/loop0/size":          "8\n",
		"sys/block/sdb/size":            "0\n",
		"dev/sda":                       "",
		"dev/sda1":                      label("one"),
		"dev/sda2":                      label("two"),
		"dev/sda10":                     label("ten"),
		"dev/cciss/c0d0":                label("raid"),
		"dev/loop0":                     label("loop"),
	})
	got, err := Volumes(root)
	if err != nil {
		t.Fatal(err)
	}
	want := []Volume{
		{Path: "/dev/cciss/c0d0", Size: 4096, FSType: "ext2", Label: "raid"},
		{Path: "/dev/sda", Size: 200 * 512},
		{Path: "/dev/sda1", Size: 4096, FSType: "ext2", Label: "one"},
		{Path: "/dev/sda2", Size: 4096, FSType: "ext2", Label: "two"},
		{Path: "/dev/sda10", Size: 4096, FSType: "ext2", Label: "ten"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got, err := Volumes(t.TempDir()); err != nil || got != nil {
		t.Errorf("without /sys: %v, %v", got, err)
	}
}

func TestDrives(t *testing.T) {
	root := tree(t, map[string]string{
		"sys/block/sr10/size": "", "sys/block/sr2/size": "", "sys/block/sr0/size": "", "sys/block/sda/size": "",
	})
	got, err := Drives(root)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"/dev/sr0", "/dev/sr2", "/dev/sr10"}, got); diff != "" {
		t.Error(diff)
	}
}
