package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/molt-installer/molt/internal/vm"
	"github.com/molt-installer/molt/internal/vm/scenario"
	"github.com/molt-installer/molt/stage2/event"
)

// demoOptions are the flags of "molt demo".
type demoOptions struct {
	out, example, ks, password, firmware string
	memory                               int
}

func parseDemo(args []string, s streams) (demoOptions, error) {
	var o demoOptions
	f := flag.NewFlagSet("demo", flag.ContinueOnError)
	f.SetOutput(s.err)
	f.StringVar(&o.out, "o", "build", "`directory` of what was built")
	f.StringVar(&o.ks, "ks", "", "kickstart `file` (default examples/kickstarts/EXAMPLE.ks); it must end in poweroff")
	f.StringVar(&o.password, "password", "molt", "root's password in it, to log in with")
	f.StringVar(&o.firmware, "firmware", "bios", "`bios` or uefi")
	f.IntVar(&o.memory, "memory", 1024, "`MiB`")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.example = cmp.Or(f.Arg(0), "debian")
	o.ks = cmp.Or(o.ks, filepath.Join("examples", "kickstarts", o.example+".ks"))
	return o, nil
}

// runDemo is "molt demo": install unattended over all discs, boot the result,
// log in, and say what took how long.
func runDemo(ctx context.Context, args []string, s streams) error {
	o, err := parseDemo(args, s)
	if err != nil {
		return err
	}
	r, err := o.install(ctx, s.out)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := o.login(ctx, r, s.out); err != nil {
		return err
	}
	fmt.Fprintln(s.out)
	return scenario.WriteTable(s.out, r.Phases())
}

// install plays the installation to the power off.
func (o demoOptions) install(ctx context.Context, out io.Writer) (*scenario.Run, error) {
	set, err := scenario.OpenSet(filepath.Join(o.out, o.example))
	if err != nil {
		return nil, err
	}
	ks, err := os.ReadFile(o.ks)
	if err != nil {
		return nil, fmt.Errorf("demo: read the kickstart file: %w", err)
	}
	dir := filepath.Join(o.out, "demo", o.example)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	story := &story{out: out, began: time.Now()}
	fmt.Fprintf(out, "Installing %s from %d discs in QEMU (%s); logs in %s\n", o.example, len(set.Discs), o.firmware, dir)
	r, err := scenario.Start(ctx, scenario.Config{
		Set: set, Disk: filepath.Join(dir, "disk.img"), DiskSize: 8 << 30, Kickstart: string(ks),
		Guest: vm.Config{Name: "demo", Dir: filepath.Join(dir, "install"), Memory: o.memory, Firmware: vm.Firmware(o.firmware)},
		Event: story.tell,
	})
	if err != nil {
		return nil, err
	}
	if err = r.Follow(ctx); err == nil {
		err = r.Off(ctx)
	}
	if err != nil {
		r.Close()
		return nil, fmt.Errorf("demo: %w", err)
	}
	return r, nil
}

// login boots what was installed, with empty drives, and looks at it as root.
func (o demoOptions) login(ctx context.Context, r *scenario.Run, out io.Writer) error {
	story := &story{out: out, began: r.On}
	story.say("the machine is off; booting from its disk, drives empty")
	r.Mark("between the two boots")
	g, err := r.Boot(ctx, filepath.Join(o.out, "demo", o.example, "boot"))
	if err != nil {
		return err
	}
	defer g.Close()
	if err := g.Console().Login(ctx, "root", o.password); err != nil {
		return err
	}
	r.Mark("power on to a root shell of the installed system")
	answer, _, err := g.Console().Shell(ctx, "uname -sr; test -e /etc/os-release && sed -n 's/^PRETTY_NAME=//p' /etc/os-release")
	if err != nil {
		return err
	}
	story.say("logged in on the serial line: " + answer)
	if err := g.Console().SendLine("poweroff"); err != nil {
		return err
	}
	err = g.Wait(ctx)
	r.Mark("power off")
	return err
}

// quiet is how long a demo says nothing while a step goes on.
const quiet = 30 * time.Second

// story tells the events of an installation, a line each.
type story struct {
	out    io.Writer
	began  time.Time
	said   time.Time // the last line
	titles map[string]string
}

func (t *story) say(text string) {
	t.said = time.Now()
	fmt.Fprintf(t.out, "%6.1f s  %s\n", time.Since(t.began).Seconds(), text)
}

func (t *story) tell(e event.Event) {
	switch e.Type {
	case event.Plan:
		t.titles = map[string]string{}
		for _, s := range e.Steps {
			t.titles[s.ID] = s.Title
		}
	case event.Start:
		t.say(t.titles[e.Step])
	case event.Progress:
		if a := e.Progress; a != nil && a.Total > 0 && time.Since(t.said) >= quiet {
			t.say(fmt.Sprintf("%s: %d %%", t.titles[e.Step], 100*a.Done/a.Total))
		}
	case event.Finish:
		if s := e.Switch; s != nil {
			t.say(fmt.Sprintf("%s switched from %s to %s in %.1f ms (%d bytes, sha256 %.16s…)",
				s.Device, s.Old, s.New, s.SwitchMS, s.Bytes, s.SHA256))
		}
	case event.NeedDisc:
		t.say(fmt.Sprintf("the installer asks for disc %d", e.Discs.Wanted))
	case event.Warning, event.Error, event.Failed:
		t.say(fmt.Sprintf("%s: %s%s", e.Type, e.Message, e.Err))
	}
}
