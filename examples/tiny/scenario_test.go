package tiny_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/molt-installer/molt/internal/vm"
	"github.com/molt-installer/molt/internal/vm/scenario"
	"github.com/molt-installer/molt/internal/vm/vmtest"
	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/stage2/event"
)

const (
	rootPassword = "shed-skin-17"
	userPassword = "forked-tongue-4"
)

// kickstart installs from all three discs.
const kickstart = `text
lang C.UTF-8
keyboard us
timezone Etc/UTC --utc
network --hostname=snake
rootpw ` + rootPassword + `
user --name=ada --password=` + userPassword + `
zerombr
clearpart --all --initlabel
autopart
bootloader --timeout=1
poweroff
%packages
@data
@hello
%end
`

// direct are the kernel options of a machine that is started without a boot loader.
const direct = "console=tty0 console=ttyS0,115200n8 no_timer_check"

// TestBIOS: the whole way, with every wrong disc a person can find.
func TestBIOS(t *testing.T) {
	wrong := []string{
		vmtest.Disc(t, "HOLIDAY", map[string]string{"photo.txt": "a snake"}),
		vmtest.Disc(t, "OTHER_1_D2", map[string]string{".discinfo": "another-set\nOther 1\namd64\n2\n"}),
		vmtest.BlankDisc(t),
	}
	set := vmtest.OpenSet(t, "tiny")
	r := vmtest.Install(t, vmtest.Scenario{Set: "tiny", Kickstart: kickstart + vmtest.Probe, Offer: func(a scenario.Ask) string {
		if tries := append([]string{set.Disc(3)}, wrong...); a.Wanted == 2 && a.Attempt < len(tries) {
			return tries[a.Attempt]
		}
		return set.Disc(a.Wanted)
	}})
	r.CheckEvents(rootPassword, userPassword)
	r.CheckShed()
	checkRefusals(t, r.Of(event.Disc))
	r.CheckDisk(func(root string) {
		vmtest.CheckRoot(t, root, rootPassword, userPassword)
		vmtest.CheckProbe(t, root)
	})
	checkBoots(t, r)
}

// checkRefusals checks what was said of the wrong discs, in their order.
func checkRefusals(t *testing.T, discs []event.Event) {
	t.Helper()
	said := []string{"disc 3 of", "something else.*HOLIDAY", "another set.*Other 1", "can't be (read|mounted)|something else"}
	var found []string
	for _, e := range discs {
		if e.Discs != nil && !e.Discs.OK {
			found = append(found, e.Discs.Found)
		}
	}
	if len(found) != len(said) {
		t.Fatalf("refused %d discs, %q; want %d", len(found), found, len(said))
	}
	for i, want := range said {
		if !regexp.MustCompile(want).MatchString(found[i]) {
			t.Errorf("of wrong disc %d it said %q, want %q", i+1, found[i], want)
		}
	}
}

// checkBoots checks the installed system from inside, and its disk again after that.
func checkBoots(t *testing.T, r *vmtest.Run) {
	t.Helper()
	sys := r.Boot(rootPassword)
	if name := sys.Shell("hostname"); name != "snake" {
		t.Errorf("the host is called %q", name)
	}
	if id := sys.As("ada", userPassword, "id -un"); id != "ada" {
		t.Errorf("ada is %q", id)
	}
	if getty := sys.Shell("ps | grep '[g]etty.*tty1'"); getty == "" {
		t.Error("nobody can log in on tty1")
	}
	vmtest.CheckKernelLog(t, "the installed system's kernel log", sys.Shell("dmesg"))
	sys.Off()
	r.CheckDisk(func(root string) { vmtest.CheckRoot(t, root) })
}

func TestUEFI(t *testing.T) {
	r := vmtest.Install(t, vmtest.Scenario{Set: "tiny", Firmware: vm.UEFI, Kickstart: kickstart})
	r.CheckEvents(rootPassword, userPassword)
	r.CheckShed()
	r.CheckESP("tiny")
	for i, o := range r.Offers {
		if o.Wanted != i+2 || o.Attempt > 0 {
			t.Errorf("disc %d was asked for as number %d, attempt %d", o.Wanted, i+1, o.Attempt)
		}
	}
	r.CheckDisk(func(root string) { vmtest.CheckRoot(t, root, rootPassword, userPassword) })
	checkBoots(t, r)
}

// TestDrivesFull: with every disc in a drive of its own nobody is asked. The
// kickstart file is the one that is named.
func TestDrivesFull(t *testing.T) {
	r := vmtest.Install(t, vmtest.Scenario{Set: "tiny", Append: direct + " inst.ks=hd:LABEL=OEMDRV:/ks.cfg", Kickstart: kickstart, Drives: 3, Loaded: []int{2, 3}})
	r.CheckEvents()
	if asked := r.Of(event.NeedDisc); len(asked) > 0 {
		t.Errorf("a disc was asked for that was in a drive: %+v", asked[0].Discs)
	}
	r.CheckDisk(func(root string) { vmtest.CheckRoot(t, root) })
}

// TestBadKickstart: what isn't understood stops before anything is written,
// all of it named at once, with the line.
func TestBadKickstart(t *testing.T) {
	ks := kickstart + "frobnicate --now\nclearpart --initlable\n"
	r := vmtest.Begin(t, vmtest.Scenario{Set: "tiny", Append: direct, Kickstart: ks})
	lines := strings.Count(kickstart, "\n")
	reason := r.Fails()
	for i, word := range []string{"frobnicate", "--initlable"} {
		if want := fmt.Sprintf("ks.cfg:%d: ", lines+1+i); !strings.Contains(reason, want) || !strings.Contains(reason, word) {
			t.Errorf("the reason doesn't name %s at %s:\n%s", word, want, reason)
		}
	}
	r.Alive()
	if data := r.FirstBytes(1 << 20); len(bytes.Trim(data, "\x00")) > 0 {
		t.Error("the disk has been written to")
	}
}

// TestSwitchFails: a switch that fails leaves the disc where it is, and the
// installer alive and saying so.
func TestSwitchFails(t *testing.T) {
	r := vmtest.Begin(t, vmtest.Scenario{Set: "tiny", Append: direct + " inst.debug.fail=relocate", Kickstart: kickstart})
	if reason := r.Fails(); !strings.Contains(reason, "switch") {
		t.Errorf("the installation failed for another reason: %s", reason)
	}
	r.Expect(`(?i)switch /dev/loop\d+`)
	if moves := r.Guest.TrayMoves(vm.DriveID(0)); len(moves) > 0 {
		t.Errorf("the tray moved: %+v", moves)
	}
	r.Alive()
}

// TestBrokenPackage: a package that can't be configured stops the
// installation with its name.
func TestBrokenPackage(t *testing.T) {
	ks := strings.Replace(kickstart, "@hello\n", "@hello\n@broken\n", 1)
	r := vmtest.Begin(t, vmtest.Scenario{Set: "tiny", Append: direct, Kickstart: ks})
	if reason := r.Fails(); !strings.Contains(reason, "tiny-broken") {
		t.Errorf("the reason doesn't name the package: %s", reason)
	}
	r.Alive()
}

// TestDamagedImage: an image that isn't the one of its build is refused before
// anything is started from it; the shell of the menu can be used and left, and
// with a good disc and another try it goes on.
func TestDamagedImage(t *testing.T) {
	set := vmtest.OpenSet(t, "tiny")
	good := set.Disc(1)
	r := vmtest.Begin(t, vmtest.Scenario{Set: "tiny", Disc1: damaged(t, set), Append: direct, Kickstart: kickstart})
	r.Expect(`/dev/sr0 +images/stage2\.img: is damaged or of another build: SHA-256 [0-9a-f]{64} instead of [0-9a-f]{64}`)
	r.Expect(`What now\?`)
	r.Alive()
	r.Type("s\n")
	r.Expect(`[$#] `)
	r.Type("cat /etc/molt/build.json\n")
	r.Expect(`"product": ?"Tiny"`)
	r.Type("exit\n")
	r.Expect(`What now\?`)
	if err := r.Guest.Insert(t.Context(), vm.DriveID(0), good); err != nil {
		t.Fatal(err)
	}
	r.Type("r\n")
	r.WaitFor(event.Plan)
	r.CtrlAltDel() // in the middle of the installation
	if !r.Guest.Rebooted() {
		t.Error("Ctrl-Alt-Del did not reboot")
	}
}

// TestCrash: stage 2 dies when disc 1 is long gone. Stage 1 says so on the same
// console, with its menu; its shell can be used and left, and another try
// installs.
func TestCrash(t *testing.T) {
	crash := "%pre-install\n[ -e /run/crashed ] || { touch /run/crashed; kill -9 $PPID; }\n%end\n"
	r := vmtest.Begin(t, vmtest.Scenario{Set: "tiny", Append: direct, Kickstart: kickstart + crash})
	if reason := r.Fails(); !strings.Contains(reason, "ended by signal 9") {
		t.Errorf("the reason is %s", reason)
	}
	r.Expect(`Stage 2 ended without a result`)
	r.Expect(`What now\?`)
	r.Type("s\n")
	r.Expect(`[$#] `)
	r.Type("cat /sys/block/loop0/loop/backing_file\n")
	r.Expect(`no such file`) // it is free
	r.Type("exit\n")
	r.Expect(`What now\?`)
	r.Type("r\n")
	if reason := r.Fails(); !strings.Contains(reason, "Disc 1 of Tiny 1 was not found") {
		t.Errorf("the reason is %s", reason)
	}
	if err := r.Guest.Insert(t.Context(), vm.DriveID(0), r.Set.Disc(1)); err != nil {
		t.Fatal(err)
	}
	r.Finish()
	r.PoweredOff(t)
	r.CheckDisk(func(root string) { vmtest.CheckRoot(t, root, rootPassword, userPassword) })
}

// damaged is a copy of disc 1 with one bit flipped in the middle of the image.
func damaged(t *testing.T, set *scenario.Set) string {
	t.Helper()
	disc, err := os.ReadFile(set.Disc(1))
	if err != nil {
		t.Fatal(err)
	}
	disc[vmtest.Find(t, set, media.ImagePath)] ^= 1
	file := filepath.Join(t.TempDir(), "damaged.iso")
	if err := os.WriteFile(file, disc, 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}
