package vmtest

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/molt-installer/molt/internal/vm"
	"github.com/molt-installer/molt/internal/vm/scenario"
	"github.com/molt-installer/molt/stage2/event"
)

// Scenario is an installation for a test. A zero field has a meaning of its own.
type Scenario struct {
	Set       string // "tiny": the set in build/tiny
	Disc1     string // ISO image to start from instead of the set's
	Firmware  vm.Firmware
	KeepVars  bool // see scenario.Config
	Kickstart string
	Files     map[string]string // beside it, see scenario.Config
	Append    string            // boots the kernel directly, with these options
	Drives    int
	Loaded    []int                     // discs in the drives after the first
	NoDisc    bool                      // no drive has one
	NICs      []vm.NIC                  // network cards
	Network   bool                      // the host's loopback is vm.HostAddress
	Stick     string                    // an image that is on a USB stick
	Offer     func(scenario.Ask) string // see scenario.Config
	Memory    int                       // MiB
	CPUs      int                       // vm.Config's if 0
	Disk      string                    // an image that is there already; made anew if empty
	DiskSize  int64                     // bytes; 4 GiB if 0
	Sector    int                       // of the disk, bytes; 512 if 0
	Disks     []vm.Disk                 // more disks, which stay in the machine
	Console   io.Writer                 // gets what the serial line says; see Screen
	Timeout   time.Duration             // of everything together; 5 minutes if 0
}

// Run is an installation in a test.
type Run struct {
	*scenario.Run
	Set *scenario.Set

	t   testing.TB
	ctx context.Context
	dir string
}

// BuildEnv names the variable with the directory of the sets; it is build
// without.
const BuildEnv = "MOLT_BUILD"

// OpenSet opens the set <name> there.
func OpenSet(t testing.TB, name string) *scenario.Set {
	t.Helper()
	build := os.Getenv(BuildEnv)
	if build == "" {
		build = filepath.Join(Root(t), "build")
	}
	set, err := scenario.OpenSet(filepath.Join(build, name))
	if err != nil {
		Missing(t, "%v", err)
	}
	return set
}

// Begin powers the machine on.
func Begin(t testing.TB, s Scenario) *Run {
	t.Helper()
	Need(t, "qemu-system-x86_64", "mkfs.vfat", "mcopy")
	switch {
	case s.Disk != "":
		s.DiskSize = 0
	case s.DiskSize == 0:
		s.DiskSize = 4 << 30
		fallthrough
	default:
		s.Disk = filepath.Join(t.TempDir(), "disk.img")
	}
	if s.Timeout == 0 {
		s.Timeout = 5 * time.Minute
	}
	r := &Run{Set: OpenSet(t, s.Set), t: t, dir: Dir(t, "install")}
	if s.Disc1 != "" {
		r.Set.Discs[0] = s.Disc1
	}
	r.ctx = Turn(t, s.Timeout)
	run, err := scenario.Start(r.ctx, scenario.Config{
		Set:       r.Set,
		Guest:     s.guest(r.dir),
		Disk:      s.Disk,
		DiskSize:  s.DiskSize,
		Sector:    s.Sector,
		Disks:     s.Disks,
		Kickstart: s.Kickstart,
		Files:     s.Files,
		Append:    s.Append,
		Drives:    s.Drives,
		Loaded:    s.Loaded,
		NoDisc:    s.NoDisc,
		Offer:     s.Offer,
		KeepVars:  s.KeepVars,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { run.Close() })
	r.Run = run
	return r
}

// guest is the machine.
func (s Scenario) guest(dir string) vm.Config {
	c := vm.Config{Name: s.Set, Dir: dir, Firmware: s.Firmware, Memory: s.Memory, CPUs: s.CPUs, NICs: s.NICs, Network: s.Network, Console: s.Console}
	if s.Stick != "" {
		c.Disks = []vm.Disk{{Path: s.Stick, Interface: vm.USB, Serial: "stick", ReadOnly: true}}
	}
	return c
}

// Install installs to the end: the machine has powered itself off.
func Install(t testing.TB, s Scenario) *Run {
	t.Helper()
	r := Begin(t, s)
	if err := r.Follow(r.ctx); err != nil {
		t.Fatal(err)
	}
	if err := r.Off(r.ctx); err != nil {
		t.Fatal(err)
	}
	for _, p := range r.Phases() {
		t.Logf("%6.1f s  %s", p.Took.Seconds(), p.Name)
	}
	return r
}

// Fails follows an installation that must fail, and returns the reason it gave.
func (r *Run) Fails() string {
	r.t.Helper()
	err := r.Follow(r.ctx)
	failed, ok := errors.AsType[*scenario.FailedError](err)
	if !ok {
		r.t.Fatalf("the installation was to fail, but: %v", err)
	}
	return failed.Reason
}

// Expect waits for a pattern on the console of the installation.
func (r *Run) Expect(pattern string) vm.Match {
	r.t.Helper()
	m, err := r.Guest.Console().Expect(r.ctx, pattern)
	if err != nil {
		r.t.Fatal(err)
	}
	return m
}

// Alive checks that the machine still runs and was not halted.
func (r *Run) Alive() {
	r.t.Helper()
	var status struct{ Running bool }
	if err := r.Guest.Execute(r.ctx, "query-status", nil, &status); err != nil {
		r.t.Fatal(err)
	}
	if !status.Running {
		r.t.Error("the machine has stopped")
	}
}

// CtrlAltDel presses these keys, and waits for the end: with Scenario.Append a
// machine that reboots ends.
func (r *Run) CtrlAltDel() {
	r.t.Helper()
	if err := r.Guest.SendKeys(r.ctx, "<ctrl-alt-delete>"); err != nil {
		r.t.Fatal(err)
	}
	if err := r.Guest.Wait(r.ctx); err != nil {
		r.t.Fatal(err)
	}
}

// Of are the events of one type.
func (r *Run) Of(typ event.Type) (events []event.Event) {
	for _, e := range r.Events {
		if e.Type == typ {
			events = append(events, e)
		}
	}
	return events
}

// System is the installed system, running, with root logged in on the serial line.
type System struct {
	*vm.Guest
	t        testing.TB
	ctx      context.Context
	password string
}

// Boot boots what was installed, with empty drives, and logs in as root.
func (r *Run) Boot(password string) *System {
	r.t.Helper()
	return r.BootWith(password, nil)
}

// Answer is what a system that starts is told on the serial line when it shows a pattern.
type Answer struct{ Pattern, Line string }

// BootWith is Boot of a system that asks for something before anyone can log in.
func (r *Run) BootWith(password string, answers []Answer) *System {
	r.t.Helper()
	g, err := r.Run.Boot(r.ctx, Dir(r.t, "boot"))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { g.Close() })
	start := time.Now()
	for _, a := range answers {
		if _, err := g.Console().Expect(r.ctx, a.Pattern); err != nil {
			r.t.Fatal(err)
		}
		if err := g.Console().SendLine(a.Line); err != nil {
			r.t.Fatal(err)
		}
	}
	if err := g.Console().Login(r.ctx, "root", password); err != nil {
		r.t.Fatal(err)
	}
	r.t.Logf("%6.1f s  power on to a shell of the installed system", time.Since(start).Seconds())
	return &System{Guest: g, t: r.t, ctx: r.ctx, password: password}
}

// Shell runs a command that must succeed and returns what it printed.
func (s *System) Shell(command string) string {
	s.t.Helper()
	out, status, err := s.Console().Shell(s.ctx, command)
	if err != nil {
		s.t.Fatal(err)
	}
	if status != 0 {
		s.t.Errorf("%s: exit status %d: %s", command, status, out)
	}
	return out
}

// As runs a command as another user, who logs in on the serial line for it.
func (s *System) As(user, password, command string) string {
	s.t.Helper()
	s.relogin(user, password)
	out := s.Shell(command)
	s.relogin("root", s.password)
	return out
}

func (s *System) relogin(user, password string) {
	s.t.Helper()
	if err := s.Console().SendLine("exit"); err != nil {
		s.t.Fatal(err)
	}
	if err := s.Console().Login(s.ctx, user, password); err != nil {
		s.t.Fatal(err)
	}
}

// AtScreen logs a user in on tty1 and out again, by the keyboard and what the
// VGA screen shows (vcs(4)).
func (s *System) AtScreen(user, password string) {
	s.t.Helper()
	for _, p := range []struct{ shows, keys string }{
		{"login: ", user + "\n"},
		{"Password: ", password + "\n"},
		{"[#$] ", "echo at $(tty)\n"},
		{"at /dev/tty1", "exit\n"},
	} {
		s.Shell("timeout 300 sh -c 'until grep -q \"" + p.shows + "\" /dev/vcs1; do sleep 0.2; done' || (cat /dev/vcs1; false)")
		if err := s.SendKeys(s.ctx, p.keys); err != nil {
			s.t.Fatal(err)
		}
	}
}

// Off powers the system off by its own poweroff command.
func (s *System) Off() {
	s.t.Helper()
	if err := s.Console().SendLine("poweroff"); err != nil {
		s.t.Fatal(err)
	}
	if err := s.Wait(s.ctx); err != nil {
		s.t.Fatal(err)
	}
}
