// Package rescue mounts an installed system for a person to mend, and gives them a
// shell. It installs nothing and repairs nothing by itself: no check of a file
// system, no key of an encrypted device.
//
// What is mounted where is worked out from facts and text alone ([Volumes], [Below]);
// [Rescue] does it.
//
// # Contract
//
// There is a shell, whatever couldn't be found or mounted; that is said by name.
// When the shell has ended, all that was mounted meanwhile is unmounted, what the person
// mounted too. Read-only, not even a journal is replayed.
package rescue

import (
	"context"
	"fmt"
	"io"

	"github.com/molt-installer/molt/stage2/host"
	"github.com/molt-installer/molt/stage2/machine"
)

// Root is where the system is mounted, the place that Anaconda uses.
const Root = "/mnt/sysroot"

// Tools are what a rescue uses of a host.Host.
type Tools interface {
	Run(ctx context.Context, c host.Command) error
	ReadFile(path string) ([]byte, error)
	Mount(m host.Mount) error
	Unmount(target string) error
	Release(ctx context.Context, device string) error
}

// Terminal is where the person is. Both methods return when ctx ends, with its error.
type Terminal interface {
	io.Writer
	ReadLine(ctx context.Context) (string, error)
	// Shell runs a shell to its end. Its exit status is no error.
	Shell(ctx context.Context) error
}

// Rescue is one run.
type Rescue struct {
	Tools    Tools
	Terminal Terminal
	Probe    func(ctx context.Context) (machine.Machine, error)
	NoMount  bool // a shell at once, and nothing is looked at
	ReadOnly bool
}

// Run is the rescue, to the end of its shell. An error says that there was no shell, or
// that ctx ended.
func (r Rescue) Run(ctx context.Context) error {
	j := job{Rescue: r, before: mountPoints(r.Tools)}
	if r.NoMount {
		j.say("Rescue: nothing is looked for and nothing mounted, as asked.")
	} else {
		j.enter(ctx)
	}
	err := ctx.Err()
	if err == nil {
		j.say("Leave the shell with exit; what is mounted is then unmounted.\n")
		err = r.Terminal.Shell(ctx)
	}
	j.leave(context.WithoutCancel(ctx))
	return err
}

// job is what a run has done so far.
type job struct {
	Rescue
	before  []string // mount points that aren't the rescue's
	mounted []string // those that are, in order
	disks   []string // on which arrays and groups may have been started
}

func (j *job) say(format string, args ...any) { fmt.Fprintf(j.Terminal, format+"\n", args...) }

// enter finds the systems and mounts the one that is wanted.
func (j *job) enter(ctx context.Context) {
	j.say("Rescue: looking for installed systems …")
	m, err := j.Probe(ctx)
	if err != nil {
		j.say("The disks can't be looked at: %v", err)
		return
	}
	m = j.start(ctx, m)
	for _, what := range m.Unknown {
		j.say("Not known: %s", what)
	}
	volumes := j.identified(ctx, Volumes(m))
	systems := j.systems(volumes)
	j.tellLocked(m)
	s, ok := j.choose(ctx, systems)
	if !ok || ctx.Err() != nil {
		return
	}
	for _, dev := range j.asleep(ctx) {
		j.ReadOnly = true
		j.say("%s holds a system that sleeps, so nothing is mounted for writing. To change something all the same: mkswap %s, so that it doesn't wake up, and mount -o remount,rw %s", dev, dev, Root)
	}
	j.mountSystem(s, volumes)
}

// choose asks which of several.
func (j *job) choose(ctx context.Context, systems []System) (System, bool) {
	switch len(systems) {
	case 0:
		j.say("No installed system was found on the disks; nothing is mounted.")
		return System{}, false
	case 1:
		return systems[0], true
	}
	j.say("Installed systems:")
	for i, s := range systems {
		j.say("  %d  %s", i+1, s)
	}
	for {
		fmt.Fprintf(j.Terminal, "Which one is to be mounted (1 to %d; 0 for none)? ", len(systems))
		line, err := j.Terminal.ReadLine(ctx)
		if err != nil {
			j.say("\nNo answer (%v); nothing is mounted.", err)
			return System{}, false
		}
		var n int
		if _, err := fmt.Sscanf(line, "%d", &n); err != nil || n < 0 || n > len(systems) {
			continue
		}
		if n == 0 {
			return System{}, false
		}
		return systems[n-1], true
	}
}

// tellLocked says how to open what only the person has a key for.
func (j *job) tellLocked(m machine.Machine) {
	n := 0
	for _, s := range m.Stacks {
		if s.Kind != "luks" || s.Device != "" || len(s.Members) == 0 {
			continue
		}
		n++
		name := fmt.Sprintf("rescue%d", n)
		j.say("%s is encrypted (LUKS) and locked. To open and mount what is in it:\n  cryptsetup open %s %s\n"+
			"  vgchange -ay    # if it holds a volume group; lvs shows the volumes to mount\n  mount /dev/mapper/%s %s",
			s.Members[0], s.Members[0], name, name, Root)
	}
}
