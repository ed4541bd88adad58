package plan

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/event"
	"github.com/molt-installer/molt/stage2/host"
	"github.com/molt-installer/molt/stage2/host/hosttest"
	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/payload"
)

// world is an Env on a machine in memory, with the events as lines.
type world struct {
	*hosttest.Host
	env  *Env
	told []string
}

func newWorld() *world {
	w := &world{Host: hosttest.New()}
	w.env = &Env{Host: w.Host, Payload: fetches{}, Result: &handoff.Result{}}
	w.env.Emit = func(e event.Event) {
		switch d := e.Discs; {
		case e.Type == event.NeedDisc:
			w.told = append(w.told, fmt.Sprintf("need %d", d.Wanted))
		case e.Type == event.Disc && d.OK:
			w.told = append(w.told, fmt.Sprintf("found %d in %s", d.Wanted, d.Drive))
		case e.Type == event.Disc:
			w.told = append(w.told, d.Drive+": "+d.Found)
		case e.Type == event.Warning:
			w.told = append(w.told, "warning: "+e.Message)
		}
	}
	return w
}

type fetches struct{ payload.Payload }

func (fetches) Fetch(context.Context, payload.Fetch) error { return nil }

func TestNextDisc(t *testing.T) {
	set := media.Set{ID: "s", Product: "Debian", Version: "13", Arch: "amd64", Discs: 3}
	other := set
	other.ID = "t"
	disc := func(n int) media.Disc { return hosttest.Disc(set, n) }
	unreadable := media.Disc{State: media.Unreadable, Cause: "input/output error"}
	foreign := media.Disc{State: media.Foreign, Label: "HOLIDAYS"}
	tests := map[string]struct {
		drives  []media.Disc // in sr0, sr1, …
		inserts []media.Disc // into sr0, one after the other
		told    []string
		ejects  []string
	}{
		"in the second drive: no hand at all": {
			drives: []media.Disc{disc(1), disc(2)},
			told:   []string{"found 2 in /dev/sr1"},
		},
		"asked for": {
			drives: []media.Disc{disc(1)}, inserts: []media.Disc{disc(2)},
			told:   []string{"need 2", "found 2 in /dev/sr0"},
			ejects: []string{"eject /dev/sr0"},
		},
		"a DVD that is both": {
			drives: []media.Disc{{State: media.Known, Info: media.DiscInfo{ID: "s", Arch: "amd64", Discs: []int{1, 2}}}},
			told:   []string{"found 2 in /dev/sr0"},
		},
		"wrong ones": {
			drives:  []media.Disc{disc(1)},
			inserts: []media.Disc{disc(1), hosttest.Disc(other, 2), hosttest.Empty(), unreadable, foreign, disc(3), disc(2)},
			told: []string{
				"need 2", "/dev/sr0: disc 1 of Debian 13", "need 2", "/dev/sr0: a disc of another set: Debian 13, disc 2", "need 2",
				"/dev/sr0: no disc in the drive", "need 2", "/dev/sr0: the disc can't be read: input/output error", "need 2",
				`/dev/sr0: a disc of something else ("HOLIDAYS")`, "need 2", "/dev/sr0: disc 3 of Debian 13", "need 2", "found 2 in /dev/sr0",
			},
			ejects: slices.Repeat([]string{"eject /dev/sr0"}, 7),
		},
		"the tray with the set's disc opens, not somebody else's": {
			drives: []media.Disc{disc(1), foreign}, inserts: []media.Disc{disc(2)},
			told:   []string{"need 2", "found 2 in /dev/sr0"},
			ejects: []string{"eject /dev/sr0"},
		},
		"open already": {
			drives: []media.Disc{{State: media.TrayOpen}}, inserts: []media.Disc{disc(2)},
			told: []string{"need 2", "found 2 in /dev/sr0"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			for i, d := range tt.drives {
				w.AddDrive(fmt.Sprintf("/dev/sr%d", i), d)
			}
			for _, d := range tt.inserts {
				w.Insert("/dev/sr0", d)
			}
			s := fetchNext{disc: 2, set: set}
			if err := s.Run(t.Context(), w.env); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.told, w.told); diff != "" {
				t.Errorf("told (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.ejects, w.Called("eject")); diff != "" {
				t.Errorf("ejects (-want +got):\n%s", diff)
			}
			if m := w.Mounted(); len(m) > 0 {
				t.Errorf("left mounted: %v", m)
			}
		})
	}
}

func TestNoDriveWorks(t *testing.T) {
	w := newWorld()
	if err := (fetchNext{disc: 2}).Run(t.Context(), w.env); err == nil {
		t.Error("a disc came from nowhere")
	}
}

// TestUnreadablePackages: the tray opens, so that the disc can be cleaned.
func TestUnreadablePackages(t *testing.T) {
	w := newWorld()
	set := media.Set{ID: "s", Arch: "amd64"}
	w.AddDrive("/dev/sr0", hosttest.Disc(set, 2))
	w.env.Payload = broken{}
	err := (fetchNext{disc: 2, set: set}).Run(t.Context(), w.env)
	if !errors.Is(err, syscall.EIO) || !strings.Contains(err.Error(), "clean it") {
		t.Errorf("Run: %v", err)
	}
	if diff := cmp.Diff([]string{"unmount /medium", "eject /dev/sr0"}, w.Calls()[len(w.Calls())-2:]); diff != "" {
		t.Error(diff)
	}
}

// TestUnreadableFirstDisc: the disc the installer came from is given back to
// be cleaned, and the next try has it put in again.
func TestUnreadableFirstDisc(t *testing.T) {
	w := newWorld()
	set := media.Set{ID: "s", Arch: "amd64"}
	w.AddDrive("/dev/sr0", hosttest.Disc(set, 1))
	w.AddFile("/out/medium/.discinfo", "s")
	w.AddMount(host.Mount{Source: "/dev/sr0", Target: "/out/medium", FSType: "iso9660"})
	w.env.Payload = broken{}
	step := fetchFirst{fetchNext{disc: 1, set: set}, "/out/medium", "/dev/sr0"}
	if err := step.Run(t.Context(), w.env); !errors.Is(err, syscall.EIO) || !strings.Contains(err.Error(), "clean it") {
		t.Errorf("Run: %v", err)
	}
	calls := w.Calls()
	if diff := cmp.Diff([]string{"unmount /out/medium", "eject /dev/sr0"}, calls[len(calls)-2:]); diff != "" {
		t.Error(diff)
	}
	if err := w.Remove("/out/medium/.discinfo"); err != nil { // as the unmount hides it
		t.Fatal(err)
	}
	w.Insert("/dev/sr0", hosttest.Disc(set, 1))
	err := step.Run(t.Context(), w.env)
	if !slices.ContainsFunc(w.Calls(), func(c string) bool { return strings.HasPrefix(c, "mount /dev/sr0 on "+DiscMount) }) {
		t.Errorf("the disc was not taken again: %v, %v", err, w.Calls())
	}
}

type broken struct{ payload.Payload }

func (broken) Fetch(context.Context, payload.Fetch) error {
	return fmt.Errorf("read a.deb: %w", syscall.EIO)
}

// newRelocate is the step for a small image; its digest is that of "image".
func newRelocate(w *world, mounts ...string) relocate {
	w.AddFile("/src", "image")
	w.AddLoop("/dev/loop0", "/src")
	const sum = "6105d6cc76af400325e94d588ce511be5bfdbb73b437dc51eca43917d7a43e3d"
	return relocate{image: media.File{Size: 5, SHA256: sum}, source: "/src", loop: "/dev/loop0", mounts: mounts}
}

// TestMostFreeSpace went wrong three times in Anaconda: by name, by the wrong
// path, by a missing slash.
func TestMostFreeSpace(t *testing.T) {
	for _, tt := range []struct {
		free map[string]int64
		want string
	}{
		{map[string]int64{"/": 10, "/home": 1000, "/var": 999}, "home/.molt"},
		{map[string]int64{"/": 1000, "/home": 10}, ".molt"},
		{map[string]int64{"/": 10, "/a": 9, "/var/lib/big": 11}, "var/lib/big/.molt"},
		{map[string]int64{"/": 10, "/home": 10}, ".molt"},
	} {
		w := newWorld()
		var mounts []string
		for m, free := range tt.free {
			mounts = append(mounts, m)
			w.SetFree(filepath.Join(Target, m), free)
		}
		w.SetFree("/", 1<<50) // the installer's own root has more than all of them
		slices.Sort(mounts)
		if err := newRelocate(w, mounts...).Run(t.Context(), w.env); err != nil {
			t.Fatal(err)
		}
		if got := w.env.Result.Remove; !slices.Equal(got, []string{tt.want}) {
			t.Errorf("%v: the copy is in %v, want %s", tt.free, got, tt.want)
		}
		if got := w.Backing("/dev/loop0"); got != Target+"/"+tt.want+"/stage2.img" {
			t.Errorf("%v: the loop serves from %s", tt.free, got)
		}
	}
}

func TestRelocateFails(t *testing.T) {
	tests := map[string]struct {
		prepare func(w *world, s *relocate)
		want    string
	}{
		"no space from the start": {func(w *world, _ *relocate) { w.SetFree(Target, 3) }, "choose a larger disk"},
		"no space on the way":     {func(w *world, _ *relocate) { w.FailOn("copy", 1, syscall.ENOSPC) }, "no space left"},
		"a bad disc":              {func(w *world, _ *relocate) { w.FailOn("copy", 1, syscall.EIO) }, "clean the disc"},
		"another content":         {func(w *world, s *relocate) { w.AddFile("/src", "imagf") }, "not the image this installer was built with"},
		"the switch":              {func(w *world, _ *relocate) { w.FailOn("switch", 1, syscall.EINVAL) }, "switch /dev/loop0"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			s := newRelocate(w, "/")
			tt.prepare(w, &s)
			err := s.Run(t.Context(), w.env)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Run: %v", err)
			}
			if len(w.env.Result.Remove) > 0 || w.Backing("/dev/loop0") != "/src" {
				t.Errorf("result %+v, the loop serves from %s", w.env.Result, w.Backing("/dev/loop0"))
			}
			if _, there := w.File(Target + "/.molt/stage2.img"); there {
				t.Error("a stale copy is left")
			}
		})
	}
}

// TestRelocateAgain: when the installer runs from the target already, nothing
// is copied again, but what it runs from is checked: the try before failed.
func TestRelocateAgain(t *testing.T) {
	const copied = Target + "/home/.molt/stage2.img"
	for content, want := range map[string]string{"image": "", "imagf": "damaged"} {
		w := newWorld()
		s := newRelocate(w, "/")
		w.AddFile("/sys/block/loop0/loop/backing_file", copied+"\n")
		w.AddFile(copied, content)
		w.AddLoop("/dev/loop0", copied)
		err := s.Run(t.Context(), w.env)
		if (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", content, err)
		}
		if len(w.Called("copy")) > 0 || !slices.Equal(w.env.Result.Remove, []string{"home/.molt"}) {
			t.Errorf("%s: calls %v, result %+v", content, w.Calls(), w.env.Result)
		}
	}
}

// TestMkfs makes real file systems in files and asks blkid what they are.
func TestMkfs(t *testing.T) {
	if _, err := exec.LookPath("blkid"); err != nil {
		t.Skip("needs blkid")
	}
	for _, v := range []Volume{
		{FSType: "ext4", UUID: "11111111-2222-4333-8444-555555555555", Label: "a"},
		{FSType: "xfs", UUID: "11111111-2222-4333-8444-555555555556", Label: "b"},
		{FSType: "ext2", UUID: "11111111-2222-4333-8444-555555555558", Label: "e"},
		{FSType: "ext3", UUID: "11111111-2222-4333-8444-555555555559"},
		{FSType: "btrfs", UUID: "11111111-2222-4333-8444-55555555555a", Label: "f"},
		{FSType: "vfat", UUID: "1A2B-3C4D", Label: "C"},
		{FSType: "swap", UUID: "11111111-2222-4333-8444-555555555557", MkfsOptions: "-L d"},
	} {
		t.Run(v.FSType, func(t *testing.T) {
			v.Device = filepath.Join(t.TempDir(), "disk")
			if err := os.WriteFile(v.Device, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(v.Device, 320<<20); err != nil {
				t.Fatal(err)
			}
			args := mkfsArgs(v)
			if _, err := exec.LookPath(args[0]); err != nil {
				t.Skipf("needs %s", args[0])
			}
			if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
				t.Fatalf("%v: %v\n%s", args, err, out)
			}
			out, err := exec.Command("blkid", "-p", "-o", "export", v.Device).Output()
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{"UUID=" + v.UUID + "\n", "TYPE=" + v.FSType + "\n"} {
				if !strings.Contains(string(out), want) {
					t.Errorf("blkid doesn't say %s:\n%s", want, out)
				}
			}
		})
	}
}

func TestFiles(t *testing.T) {
	root := Volume{Mount: "/", FSType: "ext4", UUID: "R"}
	tests := map[string]struct{ got, want string }{
		"fstab": {fstabText([]Volume{
			{Mount: "biosboot"}, {Mount: "/boot/efi", FSType: "vfat", UUID: "AB-CD"}, root,
			{Mount: "swap", FSType: "swap", UUID: "S"}, {Mount: "", FSType: "LVM2_member"}, {Mount: "none", FSType: "ext4"}, {Mount: "/home", FSType: "xfs", UUID: "H", Options: "nodev"},
		}), "# /etc/fstab: see fstab(5). Written by the installer.\n" +
			"UUID=R / ext4 errors=remount-ro 0 1\nUUID=AB-CD /boot/efi vfat umask=0077 0 2\nUUID=H /home xfs nodev 0 0\nUUID=S none swap sw 0 0\n"},
		"no UUID": {fstabText([]Volume{{Device: "/dev/md/data", Mount: "/srv", FSType: "ext4", NoFormat: true}}), "# /etc/fstab: see fstab(5). Written by the installer.\n/dev/md/data /srv ext4 defaults 0 2\n"},
		"subvolume": {fstabText([]Volume{{Mount: "/", FSType: "btrfs", UUID: "B", Subvolume: "root", Options: "compress=zstd"}, {Mount: "/home", FSType: "btrfs", UUID: "B", Subvolume: "home"}}),
			"# /etc/fstab: see fstab(5). Written by the installer.\nUUID=B / btrfs compress=zstd,subvol=root 0 0\nUUID=B /home btrfs subvol=home 0 0\n"},
		"locale off": {localeGen("# a\n# de_DE.UTF-8 UTF-8\n# x\n", []string{"de_DE.UTF-8"}), "# a\nde_DE.UTF-8 UTF-8\n# x\n"},
		"locale new": {localeGen("", []string{"de_DE.UTF-8"}), "de_DE.UTF-8 UTF-8\n"},
		"variable":   {setVar("A=1\n#GRUB_TIMEOUT=5\n", "GRUB_TIMEOUT", `3"$x`), "A=1\nGRUB_TIMEOUT=\"3\\\"\\$x\"\n"},
		"a new one":  {setVar("A=1", "B", ""), "A=1\nB=\"\"\n"},
		"consoles":   {kernelOptions("quiet", "inst.ks=x console=tty0 console=ttyS0,115200n8"), "quiet console=tty0 console=ttyS0,115200n8"},
		"own ones":   {kernelOptions("console=ttyS1", "console=tty0"), "console=ttyS1"},
		"serial":     {serialCommand("console=ttyS1,115200n8 console=tty0"), "serial --unit=1 --speed=115200"},
		"no serial":  {serialCommand("console=tty0 quiet"), ""},
		"locked":     {shadowField(config.Login{Hash: "$y$x", Locked: true}), "!$y$x"},
		"no hash":    {shadowField(config.Login{}), "!"},
	}
	for name, tt := range tests {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestOwnBootMenu(t *testing.T) {
	w := newWorld()
	w.AddFile("/target/boot/vmlinuz-6.12", "")
	w.AddFile("/target/boot/initrd.img-6.12", "")
	s := bootloader{product: "Tiny 1", kernel: "console=ttyS0", timeout: 3, root: Volume{Mount: "/", UUID: "R", FSType: "ext4"}, disks: []string{"/dev/vda"}, modules: []string{"part_gpt", "ext2"}}
	s.boot = s.root
	if err := s.Run(t.Context(), w.env); err != nil {
		t.Fatal(err)
	}
	got, _ := w.File("/target/boot/grub/grub.cfg")
	want := `set timeout=3
insmod part_gpt
insmod ext2
search --no-floppy --fs-uuid --set=root R
menuentry 'Tiny 1, vmlinuz-6.12' {
	linux /boot/vmlinuz-6.12 root=UUID=R ro console=ttyS0
	initrd /boot/initrd.img-6.12
}
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestFirmwareRefuses: no boot entry is a warning, as long as the removable
// media path is there.
func TestFirmwareRefuses(t *testing.T) {
	w := newWorld()
	w.AddFile(efiVariable, "")
	w.AddFile("/target/boot/vmlinuz-6.12", "")
	w.AddFile("/target/boot/initrd.img-6.12", "")
	w.FailOn("run grub-install --target=x86_64-efi --efi-directory=/target/boot/efi --boot-directory=/target/boot --bootloader-id", 1, errors.New("no room"))
	if err := (bootloader{efi: true, vendor: "debian", esps: []string{"/boot/efi"}}).Run(t.Context(), w.env); err != nil {
		t.Fatal(err)
	}
	if len(w.told) != 1 || !strings.Contains(w.told[0], "took no boot entry") {
		t.Errorf("told %v", w.told)
	}
}

// efiVariable is there when the kernel can ask the firmware.
const efiVariable = "/sys/firmware/efi/efivars/BootOrder-8be4df61-93ca-11d2-aa0d-00e098032b8c"

// TestOthersLoader: what another system has where every firmware looks stays there,
// as long as the firmware has an entry for this one.
func TestOthersLoader(t *testing.T) {
	const dir, register = "/target/boot/efi/EFI/", "run grub-install --target=x86_64-efi --efi-directory=/target/boot/efi --boot-directory=/target/boot --bootloader-id"
	for name, c := range map[string]struct {
		files             map[string]string
		refused, noVars   bool
		removable, before bool
	}{
		"nobody's":          {removable: true},
		"Windows'":          {files: map[string]string{"BOOT/BOOTX64.EFI": "w"}},
		"Windows', refused": {files: map[string]string{"BOOT/BOOTX64.EFI": "w"}, refused: true, removable: true, before: true},
		"Windows', no vars": {files: map[string]string{"BOOT/BOOTX64.EFI": "w"}, noVars: true, removable: true, before: true},
		"an older one's":    {files: map[string]string{"BOOT/BOOTX64.EFI": "g", "debian/grubx64.efi": "g"}, removable: true},
		"another Linux's":   {files: map[string]string{"BOOT/BOOTX64.EFI": "f", "debian/grubx64.efi": "g"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.AddFile("/target/boot/vmlinuz-6.12", "")
			for f, data := range c.files {
				w.AddFile(dir+f, data)
			}
			if !c.noVars {
				w.AddFile(efiVariable, "")
			}
			if c.refused {
				w.FailOn(register, 1, errors.New("no room"))
			}
			if err := (bootloader{efi: true, vendor: "debian", esps: []string{"/boot/efi"}}).Run(t.Context(), w.env); err != nil {
				t.Fatal(err)
			}
			_, before := w.File(dir + "BOOT/BOOTX64.EFI.before")
			removable := strings.Contains(fmt.Sprint(w.Called("run")), "--removable")
			if before != c.before || removable != c.removable {
				t.Errorf("kept beside it: %t, written: %t; calls: %v", before, removable, w.Called("run"))
			}
		})
	}
}

// TestOthersLoaderOnce: another try doesn't take this system's loader for the one to keep.
func TestOthersLoaderOnce(t *testing.T) {
	const fallback = "/target/boot/efi/EFI/BOOT/BOOTX64.EFI"
	for _, fails := range []string{"", "run grub-install", "write " + fallback + ".before", "stat " + fallback + ".before"} {
		w := newWorld()
		w.AddFile("/target/boot/vmlinuz-6.12", "")
		w.AddFile(fallback, "Windows'")
		removable := hosttest.Reply{Do: func(_ context.Context, c host.Command) error {
			if slices.Contains(c.Args, "--removable") {
				w.AddFile(fallback, "GRUB")
			}
			return nil
		}}
		w.Answer(removable, "grub-install")
		s := bootloader{efi: true, vendor: "debian", esps: []string{"/boot/efi"}}
		if fails != "" {
			w.FailOn(fails, 1, errors.New("broken"))
		}
		for try := range 3 {
			if err := s.Run(t.Context(), w.env); err != nil && (try > 0 || fails == "") {
				t.Fatal(fails, err)
			}
		}
		kept, _ := w.File(fallback + ".before")
		if now, _ := w.File(fallback); kept != "Windows'" || now != "GRUB" {
			t.Errorf("%q failed: kept %q, there is %q", fails, kept, now)
		}
	}
}

func TestFindNIC(t *testing.T) {
	nics := []machine.Interface{{Name: "wlan0"}, {Name: "eth0", MAC: "52:54:00:00:00:0a"}, {Name: "eth1", MAC: "52:54:00:00:00:0b", Carrier: true}}
	for device, want := range map[string]string{"eth0": "eth0", "52-54-00-00-00-0B": "eth1", "link": "eth1", "": "eth1", "eth9": ""} {
		if got, _ := findNIC(device, nics); got.Name != want {
			t.Errorf("findNIC(%q) = %q, want %q", device, got.Name, want)
		}
	}
	if got, _ := findNIC("link", nics[:2]); got.Name != "eth0" {
		t.Errorf("without a cable anywhere it is %q", got.Name)
	}
}

func TestScripts(t *testing.T) {
	w := newWorld()
	w.Answer(hosttest.Reply{Lines: []string{"out"}, Err: &host.ExitError{Code: 3, Tail: []string{"secret"}}}, "/bin/bash")
	soft := NewScript("post-1", config.Script{Kind: config.Post, Interpreter: "/bin/bash", Log: "/root/post.log", Body: "x", Origin: "ks.cfg:9"})
	if err := soft.Run(t.Context(), w.env); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"warning: the %post script (ks.cfg:9): exit status 3"}, w.told); diff != "" {
		t.Error(diff)
	}
	if log, _ := w.File("/target/root/post.log"); log != "out\n" {
		t.Errorf("the log is %q", log)
	}
	hard := NewScript("post-2", config.Script{Kind: config.Post, Interpreter: "/bin/bash", ErrorOnFail: true})
	if err := hard.Run(t.Context(), w.env); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("Run: %v", err)
	}
	for _, n := range w.Names("/target/tmp") {
		t.Errorf("left behind: %s", n)
	}
}
