package debian_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/molt-installer/molt/internal/vm"
	"github.com/molt-installer/molt/internal/vm/vmtest"
)

const passphrase = "constrictor-8"

// layered is all that can stand below a root at once, on two disks of which
// either can be missing.
const layered = `text
lang en_US.UTF-8
keyboard us
timezone Europe/Berlin --utc
network --bootproto=dhcp --device=link --hostname=boa
rootpw ` + rootPassword + `
zerombr
clearpart --all --initlabel --drives=vda,vdb
part biosboot --size=1 --ondisk=vda
part biosboot --size=1 --ondisk=vdb
part raid.11 --size=700 --ondisk=vda
part raid.21 --size=700 --ondisk=vdb
part raid.12 --size=4000 --grow --ondisk=vda
part raid.22 --size=4000 --grow --ondisk=vdb
raid /boot --device=boot --level=1 --fstype=ext4 raid.11 raid.21
raid pv.1 --device=system --level=1 --encrypted --passphrase=` + passphrase + ` --pbkdf=pbkdf2 --pbkdf-time=200 raid.12 raid.22
volgroup vg0 pv.1
logvol swap --vgname=vg0 --name=swap --size=256
logvol / --vgname=vg0 --name=root --fstype=ext4 --size=3000 --grow
bootloader --append="no_timer_check console=tty0 console=ttyS0,115200n8"
poweroff
%packages
@ssh
%end
`

// TestLayers: a real system starts from LVM in LUKS on RAID, by the initramfs
// that its own tools made. Under emulation those take eight minutes and more, so this
// runs when all layouts are asked for; the tiny set's have their turn always.
func TestLayers(t *testing.T) {
	if os.Getenv("MOLT_ALL_LAYOUTS") == "" {
		t.Skip("takes 20 minutes: MOLT_ALL_LAYOUTS=1 runs it")
	}
	second := filepath.Join(t.TempDir(), "second.img")
	if err := vm.MkDisk(second, 8<<30); err != nil {
		t.Fatal(err)
	}
	r := vmtest.Install(t, vmtest.Scenario{
		Set: "debian", Firmware: vm.BIOS, CPUs: 2, Kickstart: layered, DiskSize: 8 << 30, Timeout: 70 * time.Minute,
		Disks: []vm.Disk{{Path: second, Serial: "second"}},
	})
	r.CheckEvents(rootPassword, passphrase)
	r.CheckShed()

	sys := r.BootWith(rootPassword, []vmtest.Answer{{Pattern: "Please unlock disk", Line: passphrase}})
	for command, want := range map[string]string{
		"findmnt -no SOURCE /":            `^/dev/mapper/vg0-root`,
		"findmnt -no SOURCE /boot":        `^/dev/md`,
		"cat /proc/mdstat":                `(?s)\[UU\].*\[UU\]`,
		"pvs --noheadings -o pv_name":     `/dev/mapper/luks-`,
		"swapon --show=NAME --noheadings": `^/dev/dm-`,
		"systemctl --failed --no-legend":  `^\s*$`,
		"dpkg --audit":                    `^\s*$`,
		"lsinitramfs /boot/initrd.img-$(uname -r) | grep -cE 'bin/(lvm|mdadm|cryptsetup)$'": `^3\s*$`,
	} {
		if got := sys.Shell(command); !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("%s: %q, want %s", command, got, want)
		}
	}
	sys.Off()
}
