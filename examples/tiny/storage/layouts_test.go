// Package storage_test installs the tiny system on all kinds of disks and what can
// be made of them.
package storage_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/internal/vm"
	"github.com/molt-installer/molt/internal/vm/vmtest"
)

// layout is a way to use disks, and how it shows in the installed system.
type layout struct {
	name     string
	disks    int    // 1 if 0
	sector   int    // 512 if 0
	lines    string // of the kickstart; BOOT stands for what the firmware needs, on vda
	locked   bool   // the passphrase is asked for
	firmware vm.Firmware
	shows    map[string]string // command → pattern of what it prints

	// What is tried after that.
	keep  string            // lines of a second kickstart, which keeps /home
	again bool              // install once more from installed.ks
	lost  map[string]string // what shows without the first disk
}

const encrypted = " --encrypted --passphrase=" + passphrase + " --pbkdf=pbkdf2 --pbkdf-time=200"

// on is a command that says what a mount point is on: of a device mapper's device its name.
func on(mount string) string {
	return "d=$(sed -n 's|^/dev/\\([^ ]*\\) " + mount + " .*|\\1|p' /proc/mounts); cat /sys/block/$d/dm/name"
}

// layouts has each way once. Each runs with the firmware that stands there, and with
// the other one too if the boot loader is on several disks or MOLT_ALL_LAYOUTS is set.
func layouts() []layout {
	lvm := "BOOT\npart /boot --fstype=ext4 --size=300 --ondisk=vda\npart pv.1 --size=1000 --grow --ondisk=vda%s\nvolgroup vg0 pv.1\n" +
		"logvol swap --vgname=vg0 --name=swap --size=200\nlogvol / --vgname=vg0 --name=root --fstype=ext4 --size=1500%s\n"
	closed := bootloader + " --password=" + password + "\n" // for who changes what is started; nobody is asked otherwise
	return []layout{
		{name: "plain", firmware: vm.UEFI, lines: closed + "BOOT\npart / --fstype=ext4 --size=1500 --ondisk=vda\npart /home --fstype=ext4 --size=500 --grow --ondisk=vda\n",
			shows: map[string]string{"grep ' / ' /proc/mounts": "^/dev/vda2 .*ext4", "grep ' /home ' /proc/mounts": "^/dev/vda3 .*ext4",
				"grep -c '^password_pbkdf2 root grub' /boot/grub/grub.cfg": "^1"},
			keep: closed + "part / --fstype=ext4 --onpart=vda2\npart /home --onpart=vda3 --noformat\n"},
		{name: "lvm", firmware: vm.BIOS, lines: fmt.Sprintf(lvm, "", "") + "logvol /home --vgname=vg0 --name=home --fstype=ext4 --percent=50\n",
			shows: map[string]string{"pvs --noheadings -o vg_name,lv_name,lv_size --segments": `vg0\s+root\s+1\.46g`, on("/"): "vg0-root", on("/home"): "vg0-home", "cat /proc/swaps": "dm-"},
			keep: "part /boot --fstype=ext4 --onpart=vda2\nvolgroup vg0 --useexisting\nlogvol swap --vgname=vg0 --name=swap --useexisting\n" +
				"logvol / --vgname=vg0 --name=root --fstype=ext4 --useexisting\nlogvol /home --vgname=vg0 --name=home --useexisting --noformat\n"},
		{name: "thin", firmware: vm.UEFI, lines: "autopart --type=thinp --nohome\n",
			shows: map[string]string{"lvs --noheadings -o lv_name,lv_attr": `root\s+Vwi`, on("/"): "-root"}},
		{name: "lvm-on-luks", firmware: vm.BIOS, locked: true, again: true, lines: fmt.Sprintf(lvm, encrypted, ""),
			shows: map[string]string{"cryptsetup luksDump /dev/vda3": `Version:\s+2`, "pvs --noheadings -o pv_name": "luks-", on("/"): "vg0-root"}},
		{name: "luks-on-lvm", firmware: vm.UEFI, locked: true, lines: fmt.Sprintf(lvm, "", encrypted+" --luks-version=luks1"),
			shows: map[string]string{"cryptsetup luksDump /dev/vg0/root": `Version:\s+1`, on("/"): "luks-"}},
		{name: "raid1", firmware: vm.UEFI, disks: 2, lines: mirrored,
			shows: map[string]string{"mdadm --detail /dev/md/root": `Raid Level : raid1[\s\S]*Raid Devices : 2[\s\S]*State : (clean|active) *\n`},
			lost:  map[string]string{"mdadm --detail /dev/md/root": `State : (clean|active), degraded[\s\S]*Active Devices : 1`}},
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

// with replaces what depends on the firmware.
func (l layout) with(lines string) string {
	boot := "part biosboot --fstype=biosboot --size=1 --ondisk=vda"
	if l.firmware == vm.UEFI {
		boot = "part /boot/efi --fstype=efi --size=300 --ondisk=vda"
	}
	lines = strings.Replace(lines, "BOOT", boot, 1)
	if l.name == "raid1" && l.firmware == vm.BIOS {
		lines = "part biosboot --size=1 --ondisk=vda\npart biosboot --size=1 --ondisk=vdb\n" + regexp.MustCompile(`(?m)^.*raid\.[12]1.*\n`).ReplaceAllString(lines, "")
	}
	return lines
}

// files makes some in /home, with their digests beside them, and one in a
// directory that isn't kept.
const files = `%post
for n in 1 2 3; do head -c ${n}00001 /dev/urandom > /home/file$n; done
cd /home && sha256sum file1 file2 file3 > digests && touch /root/old
%end
`

// answers use all disks but the last, which nobody names.
func (l layout) answers() string {
	disks := []string{"vda", "vdb", "vdc"}[:max(1, l.disks)]
	return kickstart(all+" --drives="+strings.Join(disks, ","), l.with(l.lines)) + files
}

// scenario has a disk after the layout's that nobody names.
func (l layout) scenario(t *testing.T, dir string) vmtest.Scenario {
	s := vmtest.Scenario{Set: "tiny", Append: direct, Firmware: l.firmware, Kickstart: l.answers(), Sector: l.sector, Disk: filepath.Join(dir, "disk0.img"), Timeout: 10 * time.Minute}
	for i := range max(1, l.disks) {
		path := filepath.Join(dir, fmt.Sprintf("disk%d.img", i))
		if err := vm.MkDisk(path, 4<<30); err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			s.Disks = append(s.Disks, vm.Disk{Path: path, Serial: fmt.Sprintf("more%d", i), Sector: l.sector})
		}
	}
	return s
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
		if l.lost != nil || os.Getenv("MOLT_ALL_LAYOUTS") != "" {
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
	dir := t.TempDir()
	s, ignored := l.scenario(t, dir), filepath.Join(dir, "ignored.img")
	before := filled(t, ignored, 256<<20)
	s.Disks = append(s.Disks, vm.Disk{Path: ignored, Serial: "ignored", Sector: l.sector})
	r := vmtest.Install(t, s)
	r.CheckEvents(password, passphrase)
	sys := r.BootWith(password, l.unlocks())
	check(t, sys, l.shows)
	done, is := checkKickstarts(t, sys), facts(t, sys, l.images(dir))
	sys.Off()
	if l.keep != "" {
		l.testKept(t, s)
	}
	if l.lost != nil {
		l.testLost(t, r)
	}
	if l.again {
		l.testAgain(t, done, is)
	}
	if digestOf(t, ignored, 0, 256<<20) != before {
		t.Error("the disk that nobody named has been written to")
	}
}

// images are the disks of the layout.
func (l layout) images(dir string) (paths []string) {
	for i := range max(1, l.disks) {
		paths = append(paths, filepath.Join(dir, fmt.Sprintf("disk%d.img", i)))
	}
	return paths
}

func check(t *testing.T, sys *vmtest.System, shows map[string]string) {
	t.Helper()
	for command, want := range shows {
		if out := sys.Shell(command); !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("%s printed %q, want %q", command, out, want)
		}
	}
	vmtest.CheckKernelLog(t, "the installed system's kernel log", sys.Shell("dmesg"))
}

// testKept installs once more on the same disks.
func (l layout) testKept(t *testing.T, s vmtest.Scenario) {
	s.Kickstart = kickstart("clearpart --none", l.with(l.keep))
	sys := vmtest.Install(t, s).BootWith(password, l.unlocks())
	check(t, sys, l.shows)
	check(t, sys, map[string]string{"(cd /home && sha256sum -c digests)": `file1: OK\nfile2: OK\nfile3: OK`, "ls /root": "^$"})
	sys.Off()
}

// testLost starts the system without its first disk.
func (l layout) testLost(t *testing.T, r *vmtest.Run) {
	r.Remove(0)
	sys := r.BootWith(password, l.unlocks())
	check(t, sys, l.lost)
	sys.Off()
}

// testAgain installs on an equal machine from the kickstart of what was done, with
// the passwords put in.
func (l layout) testAgain(t *testing.T, done, was string) {
	dir := t.TempDir()
	s := l.scenario(t, dir)
	s.Kickstart = strings.NewReplacer("--iscrypted REDACTED", password, "--passphrase=REDACTED", "--passphrase="+passphrase).Replace(done)
	sys := vmtest.Install(t, s).BootWith(password, l.unlocks())
	if diff := cmp.Diff(strings.Split(was, "\n"), strings.Split(facts(t, sys, l.images(dir)), "\n")); diff != "" {
		t.Errorf("installed from\n%s\nthe layout isn't the same:\n%s", done, diff)
	}
	sys.Off()
}
