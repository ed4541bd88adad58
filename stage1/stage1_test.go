package stage1

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/internal/bootargs"
	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/loopctl"
	"github.com/molt-installer/molt/media"
)

func TestTearDownOrder(t *testing.T) {
	s, f, _ := testSession(t)
	d := s.dirs
	copied := filepath.Join(d.target, "target/.molt/stage2.img")
	if err := os.MkdirAll(filepath.Dir(copied), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(copied, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f.mounted = []string{"/proc", "/run", d.medium, d.lower, d.rw, d.root, d.root + "/proc", d.root + "/run",
		d.root + "/target", d.root + "/target/boot/efi", d.root + "/medium"}
	s.current.loops, s.current.mapped = []string{"/dev/loop7"}, "/dev/dm-0"
	err := s.tearDown(context.Background(), handoff.Result{
		Action: handoff.Reboot, Target: "/target", Remove: []string{".molt"}, Eject: []string{"/dev/sr0"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"clear " + d.root, "swapoff", "sync",
		"move " + d.root + "/target " + d.target + "/target",
		"move " + d.root + "/medium " + d.target + "/medium",
		"unmount " + d.root + "/run", "unmount " + d.root + "/proc", "unmount " + d.root, "unmount " + d.rw, "unmount " + d.lower,
		"unprotect /dev/dm-0",
		"detach /dev/loop7",
		"unmount " + d.target + "/medium", "unmount " + d.target + "/target/boot/efi", "unmount " + d.target + "/target",
		"close layers",
		"unmount " + d.medium,
		"eject /dev/sr0",
	}
	if diff := cmp.Diff(want, f.calls); diff != "" {
		t.Error(diff)
	}
	if _, err := os.Stat(filepath.Dir(copied)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the copy of the image is still there: %v", err)
	}
	if diff := cmp.Diff([]string{"/proc", "/run"}, f.mounted); diff != "" {
		t.Error("left mounted:", diff)
	}
}

func TestRemoveStaysWithinTheTarget(t *testing.T) {
	s, _, _ := testSession(t)
	keep := filepath.Join(s.dirs.target, "keep")
	target := filepath.Join(s.dirs.target, "target")
	for _, dir := range []string{keep, filepath.Join(target, ".molt"), filepath.Join(target, "etc")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.remove(context.Background(), handoff.Result{Target: "/target", Remove: []string{"../keep", "/target/.molt", "/", "absent"}}); err != nil {
		t.Error(err)
	}
	for _, dir := range []string{keep, filepath.Join(target, "etc")} {
		if _, err := os.Stat(dir); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(target, ".molt")); err == nil {
		t.Error(".molt is still there")
	}
}

func TestCrashLeavesNoCopy(t *testing.T) {
	s, f, _ := testSession(t)
	for _, dir := range []string{"/target", "/target/var", "/medium"} {
		point := s.dirs.target + dir
		f.mounted = append(f.mounted, point)
		if err := os.MkdirAll(filepath.Join(point, handoff.Hidden, "set"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.remove(context.Background(), handoff.Result{Action: handoff.Ask}); err != nil {
		t.Fatal(err)
	}
	for _, point := range f.mounted {
		if _, err := os.Stat(filepath.Join(point, handoff.Hidden)); !os.IsNotExist(err) {
			t.Errorf("%s still has %s: %v", point, handoff.Hidden, err)
		}
	}
}

func TestFreeNamesHoldersAndGoesOnWhenTheyLeave(t *testing.T) {
	s, f, p := testSession(t)
	f.mounted = []string{s.dirs.medium}
	f.busy[s.dirs.medium] = 2
	f.holders = []loopctl.Holder{{How: loopctl.HoldsCwd, PID: 214, Command: "bash", Path: "/molt/medium/pool"}}
	if err := s.freeBelow(context.Background(), s.dirs.medium); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"await", "await", "unmount " + s.dirs.medium}, f.calls); diff != "" {
		t.Error(diff)
	}
	if n := strings.Count(p.String(), "in use by"); n != 1 {
		t.Errorf("the holder was named %d times:\n%s", n, p)
	}
}

func TestEveryStepOfTearDownIsTried(t *testing.T) {
	s, f, p := testSession(t)
	f.mounted = []string{s.dirs.medium}
	err := s.tearDown(context.Background(), handoff.Result{Target: "/target", Remove: []string{"x"}, Eject: []string{"/dev/sr0"}})
	if err == nil || !strings.Contains(err.Error(), "remove the copy") {
		t.Errorf("got %v", err)
	}
	if len(f.mounted) != 0 || f.calls[len(f.calls)-1] != "eject /dev/sr0" {
		t.Errorf("it stopped at the error: %v", f.calls)
	}
	if !strings.Contains(p.String(), "Tearing down:") {
		t.Error("nobody was told")
	}
}

func TestDecide(t *testing.T) {
	failure := errors.New("disk full")
	for _, c := range []struct {
		name    string
		asked   handoff.Action
		failure error
		onFail  bootargs.OnFail
		answers []string
		want    handoff.Action
	}{
		{"done", handoff.Reboot, nil, "", nil, handoff.Reboot},
		{"stage 2 knows what after its failure", handoff.Poweroff, failure, "", nil, handoff.Poweroff},
		{"stage 2 wants another start", handoff.Retry, nil, "", nil, handoff.Retry},
		{"a crash with a person", handoff.Ask, failure, "", []string{"nonsense", "l", "R"}, handoff.Retry},
		{"a crash without", handoff.Ask, failure, bootargs.OnFailPoweroff, nil, handoff.Poweroff},
		{"a crash without, reboot", handoff.Ask, failure, bootargs.OnFailReboot, nil, handoff.Reboot},
		{"a crash, then a shell, then reboot", handoff.Ask, failure, bootargs.OnFailShell, []string{"b"}, handoff.Reboot},
		{"a shell was asked for", handoff.Shell, nil, "", []string{"p"}, handoff.Poweroff},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _, p := testSession(t)
			p.answers, s.opts.OnFail = c.answers, c.onFail
			if got := s.decide(context.Background(), c.asked, c.failure); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if c.failure != nil && !strings.Contains(p.String(), "disk full") {
				t.Error("the failure was not shown")
			}
		})
	}
}

func TestMenuGoesOnWhenADiscComes(t *testing.T) {
	s, _, _ := testSession(t)
	signalTo(s.devices.came)
	if got := s.menu(context.Background(), errors.Join(&Failure{What: "Disc 1 was not found.", waits: true}, nil)); got != handoff.Retry {
		t.Errorf("got %q", got)
	}
}

func TestEditOptionsInTheMenu(t *testing.T) {
	s, _, p := testSession(t)
	s.setCommandLine("quiet inst.stage2=cdrom:/dev/sr1 console=ttyS0")
	p.answers = []string{"e", "-inst.stage2 inst.ks=file:/ks.cfg"}
	if got := s.menu(context.Background(), nil); got != handoff.Retry {
		t.Errorf("got %q", got)
	}
	if want := "quiet console=ttyS0 inst.ks=file:/ks.cfg"; s.cmdline != want || !slices.Equal(s.opts.Kickstart, []string{"file:/ks.cfg"}) || s.opts.Stage2 != nil {
		t.Errorf("got %q, %+v", s.cmdline, s.opts)
	}
}

func TestSearchTellsEveryPlace(t *testing.T) {
	s, f, _ := testSession(t)
	info := func(id string, n int) media.DiscInfo {
		return media.DiscInfo{ID: id, Release: "Debian 13", Arch: "amd64", Discs: []int{n}}
	}
	f.drives = []string{"/dev/sr0", "/dev/sr1", "/dev/sr2", "/dev/sr3"}
	f.discs = map[string]media.Disc{
		"/dev/sr0": {State: media.NoDisc},
		"/dev/sr1": {State: media.Known, Info: info("old1", 1)},
		"/dev/sr2": {State: media.Known, Info: info("5f0c", 2)},
		"/dev/sda": {State: media.Foreign, Label: "GAMES"},
	}
	f.looks = map[string]error{"/dev/sr3": errors.New("input/output error")}
	f.volumes = []media.Volume{{Path: "/dev/sr1", FSType: "iso9660"}, {Path: "/dev/sda", FSType: "iso9660"}, {Path: "/dev/sdb1", FSType: "ext4", Label: "root"}}
	got := s.search(context.Background())
	want := `Disc 1 of Debian 13 was not found.
Tried:
  /dev/sr0            no disc in the drive
  /dev/sr1            a disc of another set: Debian 13, disc 1 (it is of build old1, this boot medium is of build 5f0c)
  /dev/sr2            disc 2 of Debian 13
  /dev/sr3            input/output error
  /dev/sda (iso9660)  a disc of something else ("GAMES")
Put it in; the search then goes on by itself.`
	if diff := cmp.Diff(want, got.Error()); diff != "" {
		t.Error(diff)
	}
}

func TestPlaces(t *testing.T) {
	s, f, _ := testSession(t)
	f.drives = []string{"/dev/sr0", "/dev/sr1"}
	f.volumes = []media.Volume{
		{Path: "/dev/sr0", FSType: "iso9660"}, {Path: "/dev/sda1", FSType: "vfat", Label: "DEBIAN_13_D1"},
		{Path: "/dev/sdb1", FSType: "ext4", Label: "data", UUID: "ab-cd"},
	}
	for opt, want := range map[string][]string{
		"":                       {"/dev/sr0", "/dev/sr1", "/dev/sda1 (vfat)"},
		"cdrom":                  {"/dev/sr0", "/dev/sr1"},
		"cdrom:sr1":              {"/dev/sr1"},
		"hd:LABEL=data:/d1.iso":  {"/dev/sdb1 (ext4) /d1.iso"},
		"hd:UUID=AB-CD:/debian":  {"/dev/sdb1 (ext4) /debian"},
		"hd:/dev/nothing:/d.iso": nil,
	} {
		var src media.Source
		if opt != "" {
			var err error
			if src, err = media.ParseSource(opt); err != nil {
				t.Fatal(err)
			}
		}
		places, err := s.places(src)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range places {
			got = append(got, p.String())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", opt, diff)
		}
	}
}

func TestCheckFile(t *testing.T) {
	good := []byte(strings.Repeat("squash", 1000))
	sum := sha256.Sum256(good)
	want := media.File{Path: "images/stage2.img", Size: int64(len(good)), SHA256: hex.EncodeToString(sum[:])}
	bad := append([]byte("X"), good[1:]...)
	for name, c := range map[string]struct {
		data []byte
		says string
	}{
		"right": {good, ""}, "damaged": {bad, "damaged or of another build"}, "short": {good[:10], "10 bytes instead of 6000"}, "absent": {nil, "can't be opened"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "stage2.img")
			if c.data != nil {
				if err := os.WriteFile(file, c.data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var last int64
			err := checkFile(context.Background(), file, want, func(n int64) { last = n })
			var typed *imageError
			switch {
			case c.says == "" && (err != nil || last != want.Size):
				t.Errorf("got %v, progress to %d", err, last)
			case c.says != "" && (!errors.As(err, &typed) || !strings.Contains(err.Error(), c.says)):
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestSupervise(t *testing.T) {
	write := func(text string) func(*session) {
		return func(s *session) { _ = os.WriteFile(s.dirs.result, []byte(text), 0o600) }
	}
	for _, c := range []struct {
		name, how string
		leaves    func(*session)
		says      string
		want      *handoff.Result
	}{
		{"all is well", "", write(`{"version":1,"action":"reboot"}`), "", &handoff.Result{Version: 1, Action: handoff.Reboot}},
		{"a crash", "ended by signal 11 (segmentation fault)", func(*session) {}, "last words", nil},
		{"a result of another version", "", write(`{"version":9,"action":"reboot"}`), "version 9", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, f, p := testSession(t)
			f.start = func(prog program) (process, error) {
				_, _ = prog.error.WriteString("panic: last words\n")
				c.leaves(s)
				return exited(c.how), nil
			}
			got, err := s.supervise(context.Background())
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v", err)
			}
			if p.restored != 1 {
				t.Error("the console was not restored")
			}
		})
	}
}

func TestKickstartFromTheDisc(t *testing.T) {
	s, f, _ := testSession(t)
	s.current.medium.Device = "/dev/sr0"
	f.volumes = []media.Volume{{Path: "/dev/sr0", FSType: "iso9660"}}
	if err := os.WriteFile(filepath.Join(s.dirs.medium, "ks.cfg"), []byte("rootpw x"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.opts.Kickstart = []string{"cdrom:/ks.cfg"}
	ks, err := s.fetchKickstart(context.Background())
	if err != nil || ks.Origin != "cdrom:/dev/sr0:/ks.cfg" {
		t.Fatalf("%+v, %v", ks, err)
	}
	info, err := os.Stat(s.dirs.ks)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v: a kickstart can hold passwords", info, err)
	}
}

func TestFailedEvent(t *testing.T) {
	port := filepath.Join(t.TempDir(), "vport0p1")
	if err := os.WriteFile(port, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writeEvent(port, errors.New("two\nlines"), time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	data, _ := os.ReadFile(port)
	var e map[string]string
	if err := json.Unmarshal(data, &e); err != nil || strings.Count(string(data), "\n") != 1 {
		t.Fatalf("%q: %v", data, err)
	}
	if diff := cmp.Diff(map[string]string{"t": "1970-01-01T00:00:00Z", "type": "failed", "error": "two\nlines"}, e); diff != "" {
		t.Error(diff)
	}
}

func TestSmallReaders(t *testing.T) {
	info := "22 1 0:21 / /proc rw - proc proc rw\n30 22 8:1 / /mnt/a\\040b ro - ext4 /dev/sda1 ro\nshort\n"
	if diff := cmp.Diff([]string{"/proc", "/mnt/a b"}, mountPoints(info)); diff != "" {
		t.Error(diff)
	}
	table := "Filename Type Size Used Priority\n/dev/vda3 partition 1 0 -2\n"
	if diff := cmp.Diff([]string{"/dev/vda3"}, swaps(table)); diff != "" {
		t.Error(diff)
	}
	for in, want := range map[string][]string{"tty0 ttyS0\n": {"/dev/tty1", "/dev/ttyS0"}, "": {"/dev/console"}} {
		if diff := cmp.Diff(want, consoleDevices(in)); diff != "" {
			t.Error(diff)
		}
	}
	for in, want := range map[string]string{"/dev/tty1": "linux", "/dev/ttyS0": "vt220", "/dev/hvc0": "vt220", "/dev/console": "vt220"} {
		if got := termType(in); got != want {
			t.Errorf("termType(%s) = %s", in, got)
		}
	}
}

func TestModaliasesOnce(t *testing.T) {
	bus := t.TempDir()
	for dev, alias := range map[string]string{"pci/devices/0": "pci:a\n", "pci/devices/1": "pci:a\n", "scsi/devices/2": "scsi:b\n", "acpi/devices/3": "\n"} {
		if err := os.MkdirAll(filepath.Join(bus, dev), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(bus, dev, "modalias"), []byte(alias), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"pci:a", "scsi:b"}, aliases(bus)); diff != "" {
		t.Error(diff)
	}
}
