package vmtest

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/internal/vm"
	"github.com/molt-installer/molt/stage2/event"
)

// CheckEvents checks what docs/events.md promises of every run that ends well:
// the plan comes first with all steps, every start has one finish, done is the
// last, and no event tells a secret.
func (r *Run) CheckEvents(secrets ...string) {
	r.t.Helper()
	for _, fault := range eventFaults(r.Events) {
		r.t.Error(fault)
	}
	raw := must(os.ReadFile(r.Guest.File("events.jsonl")))(r.t)
	for _, s := range secrets {
		if bytes.Contains(raw, []byte(s)) {
			r.t.Errorf("the events tell the secret %q", s)
		}
	}
}

// eventFaults is what is wrong with the order of the events of a whole run.
func eventFaults(events []event.Event) (faults []string) {
	planned, open := map[string]bool{}, map[string]bool{}
	for i, e := range events {
		switch e.Type {
		case event.Plan:
			for _, s := range e.Steps {
				planned[s.ID] = true
			}
		case event.Start:
			if !planned[e.Step] {
				faults = append(faults, "step "+e.Step+" starts without having been announced")
			}
			open[e.Step] = true
		case event.Finish:
			if !open[e.Step] {
				faults = append(faults, "step "+e.Step+" finishes without a start")
			}
			delete(open, e.Step)
		case event.Done, event.Failed:
			if i != len(events)-1 {
				faults = append(faults, string(e.Type)+" is not the last event")
			}
		}
	}
	for step := range open {
		faults = append(faults, "step "+step+" has no finish")
	}
	if len(events) == 0 || events[len(events)-1].Type != event.Done {
		faults = append(faults, "the last event is not done")
	}
	return faults
}

// CheckShed checks the heart of it: the loop device was switched from disc 1
// to the copy on the target, the tray of the first drive opened after that and before
// the end, and disc 1 was never put in again.
func (r *Run) CheckShed() {
	r.t.Helper()
	switched, done := r.CheckSwitched()
	moves := r.Guest.TrayMoves(vm.DriveID(0))
	switch {
	case len(moves) == 0 || !moves[0].Open:
		r.t.Errorf("the tray of the first drive did not open: %v", moves)
	case moves[0].Time.Before(switched) || moves[0].Time.After(done):
		r.t.Errorf("tray opened at %v, not between the switch at %v and the end at %v", moves[0].Time, switched, done)
	}
	for _, o := range r.Offers {
		if o.Wanted == 1 {
			r.t.Error("disc 1 was asked for again")
		}
	}
}

// CheckSwitched checks that the loop device was switched from wherever stage 2
// came from to the copy on the target, and says when, and when all was done.
func (r *Run) CheckSwitched() (switched, done time.Time) {
	r.t.Helper()
	for _, e := range r.Guest.Events().All() {
		if e.Fields["switch"] != nil {
			switched = e.Time
		}
		if e.Type() == string(event.Done) {
			done = e.Time
		}
	}
	if switched.IsZero() {
		r.t.Error("no event tells of the switch")
	}
	for _, e := range r.Of(event.Finish) {
		if s := e.Switch; s != nil && (s.Bytes == 0 || len(s.SHA256) != 64 || s.Old == s.New || !strings.HasPrefix(s.Device, "/dev/loop")) {
			r.t.Errorf("the switch is told wrongly: %+v", *s)
		}
	}
	return switched, done
}

// CheckUntouched checks that nothing was written to the target disk.
func (r *Run) CheckUntouched() {
	r.t.Helper()
	f := must(os.Open(r.Disk))(r.t)
	defer f.Close()
	at, err := unix.Seek(int(f.Fd()), 0, unix.SEEK_DATA) // ENXIO: a file of holes, as it was made
	if !errors.Is(err, unix.ENXIO) {
		r.t.Errorf("the disk has been written to, at byte %d (%v)", at, err)
	}
}

// kernels is the kernel's own line with its options, which nobody can keep it from saying.
var kernels = regexp.MustCompile(`(?m)^.*ommand line: .*$`)

// CheckSaid checks that what the console and the events have said so far holds no
// secret.
func (r *Run) CheckSaid(secrets ...string) {
	r.t.Helper()
	for _, name := range []string{"console.log", "events.jsonl"} {
		said := kernels.ReplaceAll(must(os.ReadFile(r.Guest.File(name)))(r.t), nil)
		for _, s := range secrets {
			if bytes.Contains(said, []byte(s)) {
				r.t.Errorf("%s tells the secret %q", name, s)
			}
		}
	}
}

// faulty is what the kernel says when it can't read what it needs.
var faulty = regexp.MustCompile(`(?m)^.*(I/O error|SQUASHFS error|EXT4-fs error|EXT4-fs warning|XFS.*[Cc]orruption|Kernel panic|segfault|Oops:).*$`)

// CheckKernelLog finds errors of the kernel in a log.
func CheckKernelLog(t testing.TB, name, log string) {
	t.Helper()
	for _, line := range faulty.FindAllString(log, 10) {
		t.Errorf("%s: %s", name, line)
	}
}

// CheckDisk checks the disk of the machine, which is off, on the host:
// partition table, file systems cleanly unmounted and without fault, and calls look with the
// root file system mounted.
func (r *Run) CheckDisk(look func(root string)) {
	r.t.Helper()
	NeedRoot(r.t)
	// The scenario's time is for the guest; to let go of a mount it must not end.
	ctx := context.WithoutCancel(r.ctx)
	img := must(vm.OpenImage(ctx, r.Disk))(r.t)
	if err := img.Check(ctx); err != nil {
		r.t.Error(err)
	}
	root := must(img.Find("ext4", "xfs"))(r.t)
	dir := filepath.Join(r.t.TempDir(), "root")
	unmount := must(root.Mount(ctx, dir))(r.t)
	defer func() {
		if err := unmount(); err != nil {
			r.t.Error(err)
		}
	}()
	look(dir)
}

// CheckESP checks that UEFI finds a loader without any variable, and that it
// has been told of the vendor's.
func (r *Run) CheckESP(vendor string) {
	r.t.Helper()
	img := must(vm.OpenImage(r.ctx, r.Disk))(r.t)
	esp := must(img.Find("vfat"))(r.t)
	names := must(esp.List(r.ctx, "EFI/BOOT"))(r.t)
	if !strings.Contains(strings.ToUpper(strings.Join(names, " ")), "BOOTX64.EFI") {
		r.t.Errorf("no EFI/BOOT/BOOTX64.EFI on the ESP, only %q", names)
	}
	must(esp.ReadFile(r.ctx, "EFI/"+vendor+"/grubx64.efi"))(r.t)
	vars := must(os.ReadFile(r.Guest.File(vm.VarsFile)))(r.t)
	if loader := `\EFI\` + vendor + `\grubx64.efi`; !bytes.Contains(vars, utf16le(loader)) {
		r.t.Errorf("the firmware has no entry for %s", loader)
	}
}

// utf16le is ASCII text as UEFI has it in its variables.
func utf16le(text string) []byte {
	var b []byte
	for _, c := range []byte(text) {
		b = append(b, c, 0)
	}
	return b
}

// CheckRoot checks what every installed system has and has not: nothing of the
// installer but its logs, and in those no secret.
func CheckRoot(t testing.TB, root string, secrets ...string) {
	t.Helper()
	for _, left := range []string{".molt", "molt", "target", "medium", "run/molt", "mnt/target"} {
		if exists(filepath.Join(root, left)) {
			t.Errorf("/%s is left behind", left)
		}
	}
	logs := filepath.Join(root, "var/log/installer")
	names := must(filepath.Glob(filepath.Join(logs, "*")))(t)
	if len(names) < 3 || !exists(filepath.Join(logs, "events.jsonl")) {
		t.Errorf("/var/log/installer has only %q, want the log, events.jsonl and the kickstart", names)
	}
	checkPackages(t, root)
	for _, dir := range []string{logs, filepath.Join(root, "root"), filepath.Join(root, "etc")} {
		checkSecrets(t, dir, secrets)
	}
}

// checkPackages has the host's dpkg look for packages that are half installed.
func checkPackages(t testing.TB, root string) {
	t.Helper()
	out, err := exec.Command("dpkg", "--admindir="+filepath.Join(root, "var/lib/dpkg"), "--audit").CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("dpkg --audit: %v\n%s", err, out)
	}
}

func checkSecrets(t testing.TB, dir string, secrets []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		for _, s := range secrets {
			if bytes.Contains(data, []byte(s)) {
				t.Errorf("the secret %q is in %s", s, path)
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
