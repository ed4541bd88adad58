package main

import (
	"context"

	"github.com/molt-installer/molt/cmd/loopctl/internal/cli"
	"github.com/molt-installer/molt/loopctl"
)

// vigil is a change that waits for its file.
type vigil struct {
	change
	copy bool
}

func watchCommand() cli.Command {
	var v vigil
	return cli.Command{
		Name:    "watch",
		Summary: "wait until FILE is a whole copy of the content of DEVICE, and switch to it for good",
		About: `FILE needn't be there yet, nor finished: whenever it comes, grows or is closed by who writes it, the switch is tried, with all its checks. Why it is refused is told, ` +
			`and it waits on. SIGINT and SIGTERM end the waiting.`,
		Args: []cli.Arg{{Name: "DEVICE", Offers: devices()}, {Name: "FILE", Offers: cli.Offers{Files: true}}},
		Options: append([]cli.Option{
			cli.Switch(&v.copy, "copy", "", "make the copy as well: read from the device into FILE.part, which is renamed when it is whole"),
		}, append(v.proofs(), v.common()...)...),
		Run: v.watch,
	}
}

func (v *vigil) watch(ctx context.Context, args []string, s cli.Streams) error {
	if err := v.consistent(); err != nil {
		return err
	}
	v.hashed = v.copy
	return v.run(args[0], args[1], s, func(d *loopctl.Device, n *narrator) (*loopctl.Report, error) {
		o := loopctl.WatchOptions{Switch: v.options, Copy: v.copy}
		if !v.quiet {
			o.Tell = v.watched(n)
		}
		return d.Watch(ctx, args[1], &o)
	})
}

// watched tells of what a Watch does between its switches. Of a try the switch's own
// stages tell, of a reason that hasn't changed nothing.
func (v *vigil) watched(n *narrator) func(loopctl.WatchEvent) {
	last := ""
	return func(e loopctl.WatchEvent) {
		switch e.State {
		case loopctl.WatchWaiting:
			n.tell(stageWait, 0, 0)
		case loopctl.WatchCopying:
			n.tell(stageFile, e.Done, e.Total)
		case loopctl.WatchRefused:
			if why := e.Err.Error(); why != last {
				n.say("not yet: " + why)
				last = why
			}
		}
	}
}
