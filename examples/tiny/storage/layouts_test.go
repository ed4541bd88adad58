// Package storage_test installs the tiny system on all kinds of disks and what can
// be made of them.
package storage_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
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
	direct = "console=tty0 console=ttyS0,115200n8 no_timer_check"
)

// kickstart installs on disks that are to be used as storage says.
func kickstart(storage string, disks ...string) string {
	clear := "zerombr\nclearpart --all --initlabel"
	if len(disks) > 0 {
		clear += " --drives=" + strings.Join(disks, ",")
	}
	return "text\nlang C.UTF-8\nkeyboard us\ntimezone Etc/UTC --utc\nrootpw " + password + "\n" + clear + "\n" + storage +
		"bootloader --append=no_timer_check\npoweroff\n%packages\n@data\n@hello\n%end\n"
}

// layout is a way to use disks, and how it shows in the installed system.
type layout struct {
	name     string
	disks    int    // 1 if 0
	sector   int    // 512 if 0
	lines    string // of the kickstart; BOOT stands for what the firmware needs, on vda
	locked   bool   // the passphrase is asked for
	firmware vm.Firmware
	shows    map[string]string // command → pattern of what it prints
}

const encrypted = " --encrypted --passphrase=" + passphrase + " --pbkdf=pbkdf2 --pbkdf-time=200"

// on is a command that says what a mount point is on: of a device mapper's device its name.
func on(mount string) string {
	return "d=$(sed -n 's|^/dev/\\([^ ]*\\) " + mount + " .*|\\1|p' /proc/mounts); cat /sys/block/$d/dm/name"
}

// layouts has each way once; each runs with the firmware that stands there, and
// with the other one too if MOLT_ALL_LAYOUTS is set.
func layouts() []layout {
	lvm := "BOOT\npart /boot --fstype=ext4 --size=300 --ondisk=vda\npart pv.1 --size=1000 --grow --ondisk=vda%s\nvolgroup vg0 pv.1\n" +
		"logvol swap --vgname=vg0 --name=swap --size=200\nlogvol / --vgname=vg0 --name=root --fstype=ext4 --size=1500%s\n"
	return []layout{
		{name: "lvm", firmware: vm.BIOS, lines: fmt.Sprintf(lvm, "", "") + "logvol /home --vgname=vg0 --name=home --fstype=ext4 --percent=50\n",
			shows: map[string]string{"pvs --noheadings -o vg_name,lv_name,lv_size --segments": `vg0\s+root\s+1\.46g`, on("/"): "vg0-root", on("/home"): "vg0-home", "cat /proc/swaps": "dm-"}},
		{name: "thin", firmware: vm.UEFI, lines: "autopart --type=thinp --nohome\n",
			shows: map[string]string{"lvs --noheadings -o lv_name,lv_attr": `root\s+Vwi`, on("/"): "-root"}},
		{name: "lvm-on-luks", firmware: vm.BIOS, locked: true, lines: fmt.Sprintf(lvm, encrypted, ""),
			shows: map[string]string{"cryptsetup luksDump /dev/vda3": `Version:\s+2`, "pvs --noheadings -o pv_name": "luks-", on("/"): "vg0-root"}},
		{name: "luks-on-lvm", firmware: vm.UEFI, locked: true, lines: fmt.Sprintf(lvm, "", encrypted+" --luks-version=luks1"),
			shows: map[string]string{"cryptsetup luksDump /dev/vg0/root": `Version:\s+1`, on("/"): "luks-"}},
		{name: "raid1", firmware: vm.UEFI, disks: 2, lines: mirrored,
			shows: map[string]string{"mdadm --detail /dev/md/root": `Raid Level : raid1[\s\S]*Raid Devices : 2[\s\S]*(clean|active)`}},
		{name: "raid5", firmware: vm.BIOS, disks: 3, lines: "BOOT\npart /boot --fstype=ext4 --size=300 --ondisk=vda\npart raid.1 --size=1200 --ondisk=vda\npart raid.2 --size=1200 --ondisk=vdb\n" +
			"part raid.3 --size=1200 --ondisk=vdc\nraid / --device=root --level=5 --fstype=ext4 raid.1 raid.2 raid.3\n",
			shows: map[string]string{"mdadm --detail /dev/md/root": `Raid Level : raid5[\s\S]*Raid Devices : 3`}},
		{name: "btrfs", firmware: vm.UEFI, disks: 2, sector: 4096, lines: "BOOT\npart /boot --fstype=ext4 --size=300 --ondisk=vda\npart btrfs.1 --size=2000 --grow --ondisk=vda\npart btrfs.2 --size=2000 --grow --ondisk=vdb\n" +
			"btrfs none --label=pool --data=single --metadata=raid1 btrfs.1 btrfs.2\nbtrfs / --subvol --name=root LABEL=pool\nbtrfs /home --subvol --name=home LABEL=pool\n",
			shows: map[string]string{"grep ' / ' /proc/mounts": "btrfs.*subvol=/root", "grep ' /home ' /proc/mounts": "subvol=/home", "btrfs filesystem show": `Total devices 2`}},
	}
}

// mirrored boots from either disk.
const mirrored = `part raid.11 --size=300 --ondisk=vda
part raid.12 --size=1500 --grow --ondisk=vda
part raid.21 --size=300 --ondisk=vdb
part raid.22 --size=1500 --grow --ondisk=vdb
raid /boot/efi --device=efi --level=1 --fstype=efi raid.11 raid.21
raid / --device=root --level=1 --fstype=ext4 raid.12 raid.22
`

func (l layout) answers() string {
	boot := "part biosboot --fstype=biosboot --size=1 --ondisk=vda"
	if l.firmware == vm.UEFI {
		boot = "part /boot/efi --fstype=efi --size=300 --ondisk=vda"
	}
	lines := strings.Replace(l.lines, "BOOT", boot, 1)
	if l.name == "raid1" && l.firmware == vm.BIOS {
		lines = "part biosboot --size=1 --ondisk=vda\npart biosboot --size=1 --ondisk=vdb\n" + regexp.MustCompile(`(?m)^.*raid\.[12]1.*\n`).ReplaceAllString(lines, "")
	}
	return kickstart(lines, targets(max(1, l.disks))...)
}

func targets(n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprintf("vd%c", 'a'+i))
	}
	return names
}

// scenario has a disk after the layout's that nobody names.
func (l layout) scenario(t *testing.T) (s vmtest.Scenario, ignored string) {
	s = vmtest.Scenario{Set: "tiny", Append: direct, Firmware: l.firmware, Kickstart: l.answers(), Drives: 3, Loaded: []int{2, 3}, Sector: l.sector}
	dir := t.TempDir()
	for i := 1; i <= max(1, l.disks); i++ {
		path := filepath.Join(dir, fmt.Sprintf("disk%d.img", i))
		size := int64(4 << 30)
		if i == max(1, l.disks) {
			size, ignored = 256<<20, path
		}
		if err := vm.MkDisk(path, size); err != nil {
			t.Fatal(err)
		}
		s.Disks = append(s.Disks, vm.Disk{Path: path, Serial: fmt.Sprintf("more%d", i), Sector: l.sector})
	}
	fill(t, ignored)
	return s, ignored
}

// fill writes something all over a disk.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for at := int64(0); at < 256<<20; at += 16 << 20 {
		if _, err := fmt.Fprintf(io.NewOffsetWriter(f, at), "nobody named this disk, %d", at); err != nil {
			t.Fatal(err)
		}
	}
}

func digest(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

func (l layout) unlocks() []vmtest.Answer {
	if !l.locked {
		return nil
	}
	return []vmtest.Answer{{Pattern: "Enter passphrase for", Line: passphrase}}
}

// TestLayouts: what was asked for is there and starts, and the disk that nobody
// named is as it was.
func TestLayouts(t *testing.T) {
	for _, l := range layouts() {
		firmwares := []vm.Firmware{l.firmware}
		if os.Getenv("MOLT_ALL_LAYOUTS") != "" {
			firmwares = []vm.Firmware{vm.BIOS, vm.UEFI}
		}
		for _, fw := range firmwares {
			l := l
			if l.firmware = fw; fw == vm.BIOS && l.sector > 512 {
				l.sector = 0 // a PC's BIOS doesn't start from such disks
			}
			t.Run(l.name+"-"+string(fw), l.test)
		}
	}
}

func (l layout) test(t *testing.T) {
	s, ignored := l.scenario(t)
	before := digest(t, ignored)
	r := vmtest.Install(t, s)
	r.CheckEvents(password, passphrase)
	sys := r.BootWith(password, l.unlocks())
	for command, want := range l.shows {
		if out := sys.Shell(command); !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("%s printed %q, want %q", command, out, want)
		}
	}
	vmtest.CheckKernelLog(t, "the installed system's kernel log", sys.Shell("dmesg"))
	sys.Off()
	if digest(t, ignored) != before {
		t.Error("the disk that nobody named has been written to")
	}
}
