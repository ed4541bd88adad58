package debian_test

import (
	"strings"
	"testing"
	"time"

	"github.com/molt-installer/molt/internal/vm"
	"github.com/molt-installer/molt/internal/vm/vmtest"
)

const (
	rootPassword = "shed-skin-17"
	userPassword = "forked-tongue-4"
)

const kickstart = `text
lang en_US.UTF-8
keyboard us
timezone Europe/Berlin --utc
network --bootproto=dhcp --device=link --hostname=python
rootpw ` + rootPassword + `
user --name=ada --gecos="Ada L" --groups=sudo --password=` + userPassword + `
zerombr
clearpart --all --initlabel
autopart --fstype=xfs
bootloader --append="no_timer_check"
poweroff
%packages
@tools
%end
`

// TestInstall is the proof: real packages, from power-on to a login.
func TestInstall(t *testing.T) {
	r := vmtest.Install(t, vmtest.Scenario{
		// With one CPU the large screen keeps it from the keyboard, and keys get lost.
		Set: "debian", Firmware: vm.UEFI, KeepVars: true, CPUs: 2, Kickstart: kickstart, DiskSize: 12 << 30, Timeout: 70 * time.Minute,
	})
	r.CheckEvents(rootPassword, userPassword)
	r.CheckShed()
	r.CheckESP("debian")
	if len(r.Offers) != 1 || r.Offers[0].Wanted != 2 {
		t.Errorf("discs asked for: %+v, want disc 2 once", r.Offers)
	}
	r.CheckDisk(func(root string) {
		vmtest.CheckRoot(t, root, rootPassword, userPassword)
	})

	sys := r.Boot(rootPassword)
	for command, want := range map[string]string{
		"hostname":                          "python",
		"dpkg --audit":                      "",
		"findmnt -no FSTYPE /":              "xfs",
		"git --version | cut -d' ' -f1":     "git",
		"systemctl is-active getty@tty1":    "active",
		"systemctl --failed --no-legend":    "",
		"readlink /etc/localtime":           "/usr/share/zoneinfo/Europe/Berlin",
		"findmnt -rno TARGET -t iso9660; :": "",
	} {
		if got := strings.TrimSpace(sys.Shell(command)); got != want {
			t.Errorf("%s: %q, want %q", command, got, want)
		}
	}
	if entries := sys.Shell("efibootmgr"); !strings.Contains(entries, `\EFI\debian\grubx64.efi`) {
		t.Errorf("the firmware has no entry for Debian:\n%s", entries)
	}
	sys.AtScreen("ada", userPassword)
	if groups := sys.As("ada", userPassword, "id -nG"); !strings.Contains(groups, "sudo") {
		t.Errorf("ada is in the groups %q", groups)
	}
	vmtest.CheckKernelLog(t, "the installed system's kernel log", sys.Shell("dmesg"))
	sys.Off()
	r.CheckDisk(func(root string) { vmtest.CheckRoot(t, root, rootPassword) })
}
