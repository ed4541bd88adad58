package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/molt-installer/molt/internal/vm"
	"github.com/molt-installer/molt/stage2/event"
)

// Config is an installation to play. Guest says what machine it is; its
// drives and kernel are filled in from the rest, and the disks before its own.
type Config struct {
	Set       *Set
	Guest     vm.Config
	Disk      string // raw image to install to; made anew with DiskSize bytes when that is not 0
	DiskSize  int64
	Sector    int               // of Disk, bytes; 512 if 0
	Disks     []vm.Disk         // more that stay in the machine, after Disk
	Kickstart string            // put as ks.cfg on a volume labelled OEMDRV, if not empty
	Files     map[string]string // more for that volume: path → content
	// Append boots the set's kernel directly, with these options, instead of
	// disc 1. A reset then ends the machine, or it would boot the installer again.
	Append string
	// Drives is how many optical drives there are, 1 if 0. Disc 1 is in the
	// first; Loaded says what is in the others.
	Drives int
	Loaded []int
	NoDisc bool // disc 1 isn't in the first drive either: the set comes over the network
	// Offer is the ISO image to put in when a disc is asked for; "" puts in
	// none. If nil it is always the right one.
	Offer func(Ask) string
	// KeepVars has Boot begin with UEFI's variables as the installation left
	// them, as a machine does. Without it there are none, as on a machine that
	// forgot them or that the disk was moved to.
	KeepVars bool
	// Event is told every event as it comes; may be nil.
	Event func(event.Event)
}

// Ask is a disc that the installation asks for.
type Ask struct {
	Wanted  int
	Attempt int    // how often this number was asked for before
	Drive   string // whose tray is open
	Found   string // what the installation said of the disc before
}

// Offer is a disc that was put in.
type Offer struct {
	Ask
	ISO  string
	Time time.Time
}

// Run is an installation under way.
type Run struct {
	Guest  *vm.Guest
	Events []event.Event // all up to the last
	Offers []Offer
	Disk   string
	On     time.Time // power on

	cfg   Config
	gone  []vm.Disk
	clock phases
}

// FailedError is an installation that said that it failed.
type FailedError struct{ Reason string }

func (e *FailedError) Error() string { return "the installation failed: " + e.Reason }

// Start powers the machine on. The caller closes the Run.
func Start(ctx context.Context, cfg Config) (*Run, error) {
	r := &Run{cfg: cfg, Disk: cfg.Disk, On: time.Now()}
	g := cfg.Guest
	more := g.Disks
	g.Disks = cfg.disks()
	if err := os.MkdirAll(g.Dir, 0o755); err != nil {
		return nil, err
	}
	if cfg.DiskSize > 0 {
		if err := vm.MkDisk(cfg.Disk, cfg.DiskSize); err != nil {
			return nil, err
		}
	}
	if files := cfg.files(); len(files) > 0 {
		oemdrv := filepath.Join(g.Dir, "oemdrv.img")
		if err := vm.MkOEMDRV(ctx, oemdrv, files); err != nil {
			return nil, err
		}
		g.Disks = append(g.Disks, vm.Disk{Path: oemdrv, Serial: "oemdrv", ReadOnly: true})
	}
	g.Disks = append(g.Disks, more...)
	g.Drives = cfg.drives()
	if cfg.Append != "" {
		g.Kernel, g.Initrd, g.Append = cfg.Set.Kernel, cfg.Set.Initrd, cfg.Append
		g.NoReboot = true
	}
	guest, err := vm.Start(ctx, g)
	if err != nil {
		return nil, err
	}
	r.Guest = guest
	r.clock.begin(r.On)
	return r, nil
}

// disks are those that the machine keeps.
func (c Config) disks() []vm.Disk {
	return append([]vm.Disk{{Path: c.Disk, Serial: "target", Sector: c.Sector}}, c.Disks...)
}

// files are those of the volume OEMDRV.
func (c Config) files() map[string]string {
	all := map[string]string{}
	maps.Copy(all, c.Files)
	if c.Kickstart != "" {
		all["ks.cfg"] = c.Kickstart
	}
	return all
}

func (c Config) drives() []string {
	drives := make([]string, max(1, c.Drives))
	if !c.NoDisc {
		drives[0] = c.Set.Disc(1)
	}
	for i, n := range c.Loaded {
		drives[i+1] = c.Set.Disc(n)
	}
	return drives
}

// Close ends the machine.
func (r *Run) Close() error { return r.Guest.Close() }

// Follow changes discs as asked until the installation says that it is done.
// One that says it failed gives a *FailedError.
func (r *Run) Follow(ctx context.Context) error {
	return r.FollowUntil(ctx, func(e event.Event) bool { return e.Type == event.Done })
}

// FollowUntil is Follow up to an event that is waited for.
func (r *Run) FollowUntil(ctx context.Context, is func(event.Event) bool) error {
	f := follower{Run: r, asked: map[int]int{}}
	for {
		e, drive, err := f.next(ctx)
		switch {
		case err != nil:
			return err
		case drive != "":
			err = f.offer(ctx, drive)
		default:
			err = f.handle(e)
		}
		if err != nil {
			return err
		}
		if drive == "" && is(e) {
			return nil
		}
	}
}

// Off waits for the machine to power off by itself.
func (r *Run) Off(ctx context.Context) error {
	err := r.Guest.Wait(ctx)
	r.clock.mark("free everything, power off", time.Now())
	return err
}

// follower is the state of Follow: the disc that is wanted and not yet offered.
type follower struct {
	*Run
	ask   Ask
	asked map[int]int
}

// next waits for an event, or for a tray to put the wanted disc in. Events
// come first, so that what is wanted is up to date.
func (f *follower) next(ctx context.Context) (e event.Event, drive string, err error) {
	var raw json.RawMessage
	err = f.Guest.Await(ctx, "follow the installation", func(s vm.State) bool {
		raw, drive = nil, ""
		if len(f.Events) < len(s.Events) {
			raw = s.Events[len(f.Events)].Raw
		} else if f.ask.Wanted != 0 && len(s.Open) > 0 {
			drive = s.Open[0]
		}
		return raw != nil || drive != ""
	})
	if err != nil || drive != "" {
		return e, drive, err
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		return e, "", fmt.Errorf("the guest sent an event that is none, %q: %w", raw, err)
	}
	return e, "", nil
}

func (f *follower) handle(e event.Event) error {
	f.Events = append(f.Events, e)
	f.clock.event(e)
	if f.cfg.Event != nil {
		f.cfg.Event(e)
	}
	switch e.Type {
	case event.NeedDisc:
		if e.Discs != nil {
			f.ask = Ask{Wanted: e.Discs.Wanted, Found: e.Discs.Found}
		}
	case event.Disc: // found, or about to be asked for again
		f.ask = Ask{}
	case event.Failed:
		return &FailedError{Reason: e.Err}
	}
	return nil
}

// patience is how often the right disc is offered before Follow gives up.
const patience = 3

// offer puts a disc into the open drive.
func (f *follower) offer(ctx context.Context, drive string) error {
	ask := f.ask
	ask.Drive, ask.Attempt = drive, f.asked[ask.Wanted]
	iso := f.cfg.Set.Disc(ask.Wanted)
	if f.cfg.Offer != nil {
		iso = f.cfg.Offer(ask)
	} else if ask.Attempt == patience {
		return fmt.Errorf("%s was put in %d times and refused: %s", iso, patience, ask.Found)
	}
	f.ask = Ask{}
	f.asked[ask.Wanted]++
	if iso == "" {
		return f.Guest.CloseTray(ctx, drive)
	}
	f.Offers = append(f.Offers, Offer{ask, iso, time.Now()})
	return f.Guest.Insert(ctx, drive, iso)
}

// Remove takes a disk out of the machine for every later Boot: 0 is Config.Disk,
// 1 the first of Config.Disks.
func (r *Run) Remove(disk int) { r.gone = append(r.gone, r.cfg.disks()[disk]) }

// Boot starts the installed system: the same machine, its drives empty. dir is
// for the files of the guest.
func (r *Run) Boot(ctx context.Context, dir string) (*vm.Guest, error) {
	g := r.cfg.Guest
	g.Dir, g.Drives = dir, make([]string, max(1, r.cfg.Drives))
	g.Disks = slices.DeleteFunc(r.cfg.disks(), func(d vm.Disk) bool { return slices.Contains(r.gone, d) })
	if r.cfg.KeepVars {
		g.Vars = r.Guest.File(vm.VarsFile)
	}
	return vm.Start(ctx, g)
}
