package plan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/media/fetch"
	"github.com/molt-installer/molt/stage2/event"
	"github.com/molt-installer/molt/stage2/host"
	"github.com/molt-installer/molt/stage2/payload"
)

// DiscMount is where stage 2 mounts disc 2 and those after it.
const DiscMount = "/medium"

// patience is how long a holder of a disc is waited for before the step fails.
const patience = 10 * time.Minute

// fetchFirst takes what is needed from the disc the installer was started
// from. When it can't be read it is given back, and another try has it put in
// again like any other disc.
type fetchFirst struct {
	fetchNext
	root   string // where stage 1 mounted it
	device string
}

func (s fetchFirst) Run(ctx context.Context, env *Env) error {
	_, err := env.Host.Stat(path.Join(s.root, media.DiscInfoPath))
	if errors.Is(err, fs.ErrNotExist) { // an earlier try gave it back
		return s.fetchNext.Run(ctx, env)
	}
	if err != nil {
		return fmt.Errorf("look at disc %d: %w", s.disc, err)
	}
	err = takeFrom(ctx, env, s.selection, s.disc, fetch.Dir(s.root), s.root)
	if drives, _ := env.Host.Drives(); !errors.Is(err, syscall.EIO) || !slices.Contains(drives, s.device) {
		return err
	}
	if free := unmountWhenFree(ctx, env, s.root); free != nil {
		return errors.Join(err, fmt.Errorf("unmount %s: %w", s.device, free))
	}
	return s.unreadable(env, s.device, err)
}

// release unmounts the disc the installer was started from, and waits for
// whoever still uses it.
type release struct {
	base
	mount  string
	device string
	eject  bool // note the drive for the end
}

func (s release) Run(ctx context.Context, env *Env) error {
	if err := unmountWhenFree(ctx, env, s.mount); err != nil {
		return fmt.Errorf("unmount %s: %w", s.device, err)
	}
	if s.eject {
		return noteDrive(env, s.device)
	}
	return nil
}

// unmountWhenFree unmounts target. While something keeps it busy it says who,
// and goes on by itself when they have left.
func unmountWhenFree(ctx context.Context, env *Env, target string) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	deadline := time.Now().Add(patience)
	told := ""
	for {
		err := env.Host.Unmount(target)
		var busy *host.BusyError
		if errors.Is(err, syscall.EINVAL) { // not mounted: an earlier try got that far
			return nil
		}
		if !errors.As(err, &busy) || time.Now().After(deadline) {
			return err
		}
		if text := busy.Error(); text != told {
			warn(env, text+": the installation goes on as soon as that has ended")
			told = text
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-tick.C:
		}
	}
}

// noteDrive remembers a drive that stage 1 is to open in the end.
func noteDrive(env *Env, drive string) error {
	drives, err := env.Host.Drives()
	if err != nil {
		return fmt.Errorf("list the optical drives: %w", err)
	}
	if slices.Contains(drives, drive) && !slices.Contains(env.Result.Eject, drive) {
		env.Result.Eject = append(env.Result.Eject, drive)
	}
	return nil
}

// fetchNext finds a further disc in one of the drives, or has it put in, and
// takes what is needed from it.
type fetchNext struct {
	base
	disc      int
	set       media.Set
	selection *payload.Selection
	eject     bool
}

// Disc is its number, for the list of discs that a person is shown.
func (s fetchNext) Disc() int { return s.disc }

func (s fetchNext) Run(ctx context.Context, env *Env) error {
	drive, err := s.mount(ctx, env)
	if err != nil {
		return err
	}
	err = takeFrom(ctx, env, s.selection, s.disc, fetch.Dir(DiscMount), DiscMount)
	if free := unmountWhenFree(ctx, env, DiscMount); free != nil {
		return errors.Join(err, fmt.Errorf("unmount disc %d: %w", s.disc, free))
	}
	if errors.Is(err, syscall.EIO) {
		return s.unreadable(env, drive, err)
	}
	if err == nil && s.eject {
		return noteDrive(env, drive)
	}
	return err
}

// unreadable gives a disc back to be cleaned.
func (s fetchNext) unreadable(env *Env, drive string, err error) error {
	openTray(env, drive)
	return fmt.Errorf("disc %d can't be read: clean it, or use another copy of it, and retry: %w", s.disc, err)
}

func takeFrom(ctx context.Context, env *Env, sel *payload.Selection, disc int, from fetch.Tree, root string) error {
	f := payload.Fetch{Selection: sel, Disc: disc, From: from, Root: root, Target: Target, Progress: reporter{env}}
	if err := env.Payload.Fetch(ctx, f); err != nil {
		return fmt.Errorf("copy packages of disc %d from %s: %w", disc, from, err)
	}
	return nil
}

// mount returns the drive when the right disc is in it and mounted.
func (s fetchNext) mount(ctx context.Context, env *Env) (string, error) {
	if err := s.unmountOld(ctx, env); err != nil {
		return "", err
	}
	q := quest{fetchNext: s, env: env, last: map[string]media.Disc{}}
	for {
		drive, err := q.find(ctx)
		if err != nil {
			return "", err
		}
		m := host.Mount{Source: drive, Target: DiscMount, FSType: "iso9660", ReadOnly: true}
		err = env.Host.Mount(m)
		if err == nil {
			env.Emit(event.Event{Type: event.Disc, Discs: &event.DiscInfo{Wanted: s.disc, Drive: drive, OK: true}})
			return drive, nil
		}
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		q.refuse(drive, "the disc can't be mounted: "+err.Error())
		// A tray that doesn't open would have the same disc tried again at once, and for ever.
		if err := env.Host.Await(ctx, q.drives); err != nil {
			return "", fmt.Errorf("wait for disc %d: %w", s.disc, err)
		}
	}
}

// unmountOld unmounts what an earlier try had to leave mounted: nothing could be
// mounted over it, and its tray wouldn't open.
func (s fetchNext) unmountOld(ctx context.Context, env *Env) error {
	err := unmountWhenFree(ctx, env, DiscMount)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("unmount the disc of the try before: %w", err)
	}
	return nil
}

// quest is the search for one disc: what was last seen in each drive, and
// whether a person has been asked.
type quest struct {
	fetchNext
	env    *Env
	drives []string
	last   map[string]media.Disc
	asked  bool
}

// find looks into every drive until the disc is in one of them.
func (q *quest) find(ctx context.Context) (string, error) {
	var err error
	if q.drives, err = q.env.Host.Drives(); err != nil {
		return "", fmt.Errorf("list the optical drives: %w", err)
	}
	for {
		drive, err := q.look(ctx)
		if drive != "" || err != nil {
			return drive, err
		}
		if !q.asked {
			q.ask()
		}
		if err := q.env.Host.Await(ctx, q.drives); err != nil {
			return "", fmt.Errorf("wait for disc %d: %w", q.disc, err)
		}
	}
}

// look looks into every drive once. Of what is new in one of them after
// asking it says what it is.
func (q *quest) look(ctx context.Context) (string, error) {
	var broken []error
	for _, drive := range q.drives {
		d, err := q.env.Host.Look(ctx, drive)
		if err != nil {
			broken = append(broken, fmt.Errorf("look into %s: %w", drive, err))
			continue
		}
		if d.Is(q.set, q.disc) {
			return drive, nil
		}
		changed := d.State != q.last[drive].State || d.Label != q.last[drive].Label
		q.last[drive] = d
		if q.asked && changed && d.State != media.TrayOpen {
			q.refuse(drive, d.Explain(q.set, q.disc))
		}
	}
	if len(broken) == len(q.drives) {
		return "", errors.Join(append(broken, fmt.Errorf("disc %d is needed, and no optical drive works", q.disc))...)
	}
	return "", ctx.Err()
}

// ask opens a tray and asks for the disc.
func (q *quest) ask() {
	if drive := q.free(); drive != "" {
		q.open(drive)
	}
	q.asked = true
	q.env.Emit(q.need("", ""))
}

// free is the drive to open: the one with a disc of the set that has been
// used, else the first, unless one is open already.
func (q *quest) free() string {
	for _, drive := range q.drives {
		if d := q.last[drive]; d.State == media.Known && d.Info.ID == q.set.ID {
			return drive
		}
	}
	for _, drive := range q.drives {
		if q.last[drive].State == media.TrayOpen {
			return ""
		}
	}
	return q.drives[0]
}

// refuse says what is wrong with what is in drive, opens it and asks again.
func (q *quest) refuse(drive, found string) {
	q.env.Emit(event.Event{Type: event.Disc, Discs: &event.DiscInfo{Wanted: q.disc, Drive: drive, Found: found}})
	q.open(drive)
	q.asked = true
	q.env.Emit(q.need(drive, found))
}

func (q *quest) need(drive, found string) event.Event {
	what := fmt.Sprintf("Insert disc %d of %s into %s", q.disc, q.set.Name(), strings.Join(q.drives, " or "))
	return event.Event{Type: event.NeedDisc, Message: what,
		Discs: &event.DiscInfo{Wanted: q.disc, Drives: q.drives, Drive: drive, Found: found}}
}

func (q *quest) open(drive string) {
	if openTray(q.env, drive) {
		q.last[drive] = media.Disc{Drive: drive, State: media.TrayOpen}
	}
}

// openTray opens a tray. Where that fails a person can still press the button.
func openTray(env *Env, drive string) bool {
	if err := env.Host.Eject(drive); err != nil {
		warn(env, fmt.Sprintf("the tray of %s doesn't open (%v): take the disc out by hand", drive, err))
		return false
	}
	return true
}
