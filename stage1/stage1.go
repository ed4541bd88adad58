// Package stage1 is the first program of the installer: /init of the initramfs,
// process 1. It finds disc 1, checks that the image of stage 2 on it is the one
// of its own build, runs stage 2 from it, and when that ends, by whatever way,
// frees disc and target in the right order and ends the machine as asked.
//
// It runs from memory alone. That is why it can free everything else, and
// why it is still there with the log, a shell and another try when stage 2 is not.
// It installs nothing and asks nothing unless something went wrong. What it
// shares with stage 2 is the record in package handoff.
//
// The story is in this file. The machine is behind small interfaces
// (machine.go), so that order, failures and menu are tested without root.
package stage1

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/molt-installer/molt/internal/bootargs"
	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/internal/ksearly"
	"github.com/molt-installer/molt/internal/network"
	"github.com/molt-installer/molt/media"
)

// Main is the program. As process 1 it doesn't return; the kernel calls it
// as modprobe too, when it wants a module, and it itself to start stage 2.
func Main(args []string) int {
	switch filepath.Base(args[0]) {
	case "modprobe":
		return modprobe(args[1:])
	case enterName:
		return enter(args[1:])
	}
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, "stage1 is /init of molt's initramfs; it runs as process 1 and nowhere else")
		return 2
	}
	ctx := context.Background()
	s, err := boot(ctx)
	if err != nil {
		s.say("The installer can't start: %v", err)
		s.lastResort(ctx)
	}
	s.end(ctx, s.run(ctx))
	return 1
}

// boot prepares the machine, as far as it gets: the session is good for a menu
// even with an error.
func boot(ctx context.Context) (*session, error) {
	err := mountAll(kernelMounter{}, earlyMounts())
	s := newSession()
	if err != nil {
		return s, err
	}
	s.say("molt, stage 1")
	if err := s.readBuild(); err != nil {
		return s, err
	}
	s.setCommandLine(s.cmdline)
	if !s.opts.Debug {
		quietKernel()
	}
	if err := s.devices.start(ctx); err != nil {
		return s, err
	}
	if err := network.LinkResolvConf("/"); err != nil {
		return s, err
	}
	return s, answerKernel("/init", "/sbin/modprobe")
}

// session is one run of the installer from power-on to power-off.
type session struct {
	machine
	con     terminal
	log     *journal
	devices *devices
	dirs    dirs

	build   media.Build
	cmdline string // as booted, or as a person edited it
	opts    bootargs.Options
	warned  []string            // of boot options
	fixed   handoff.Record      // what holds for every try: console, retry count
	driven  map[string][]string // the files of the driver disks that are in use
	ks      *handoff.Kickstart  // nil: none
	asked   ksearly.Commands    // what it asks of stage 1
	// A person wants the packages from elsewhere than asked says.
	elsewhere bool
	network   *handoff.Network // nil: none is up
	// The network is up, and whether what is to be read now can be reached by it isn't known.
	unproven bool
	current  attempt
	ended    <-chan os.Signal
}

// attempt is what one try has set up, and tearDown takes down.
type attempt struct {
	medium   handoff.Medium
	image    string       // the file with the image of stage 2
	loops    []string     // attached devices, in order
	mapped   string       // the device over the image's loop, if there is one
	streamed *streamed    // image, if it is read from servers as it is needed
	stream   func() error // ends what serves image, if that comes from servers
}

// lost is why some of the image couldn't be read from servers.
func (a attempt) lost() error {
	if a.streamed == nil {
		return nil
	}
	if err := a.streamed.lost.Load(); err != nil {
		return *err
	}
	return nil
}

// run tries until there is an answer to how it all ends: reboot, poweroff or halt.
func (s *session) run(ctx context.Context) handoff.Action {
	for {
		result, err := s.try(ctx)
		if result == nil {
			result = &handoff.Result{Action: handoff.Ask}
		}
		freed := s.tearDown(ctx, *result)
		if err == nil {
			err = freed
		}
		action := s.decide(ctx, result.Action, err)
		switch action {
		case handoff.Retry:
			s.fixed.Retry++
		case handoff.Reboot, handoff.Poweroff, handoff.Halt:
			return action
		}
	}
}

// try goes once from the disc to the end of stage 2. An error is a failure of
// stage 1 or of stage 2, told in full.
func (s *session) try(ctx context.Context) (*handoff.Result, error) {
	if f := s.trust(ctx); f != nil {
		return nil, f
	}
	if err := s.drivers(ctx); err != nil {
		return nil, err
	}
	if err := s.kickstart(ctx); err != nil {
		return nil, err
	}
	if err := s.find(ctx); err != nil {
		return nil, err
	}
	root, err := s.assemble(ctx)
	if err != nil && s.current.lost() != nil {
		err = fmt.Errorf("the image of stage 2 can't be used: %w (%w)", s.current.lost(), err)
	}
	if err != nil {
		return nil, err
	}
	if err := s.lateKickstart(ctx); err != nil {
		return nil, err
	}
	s.reachable(ctx)
	if err := s.handOver(root); err != nil {
		return nil, err
	}
	result, err := s.supervise(ctx)
	if err != nil {
		return result, err
	}
	if result.Error != "" {
		return result, errors.New(result.Error)
	}
	return result, nil
}

// handOver writes the record for stage 2.
func (s *session) handOver(root rootFS) error {
	r := s.fixed
	r.Build, r.Medium, r.CommandLine, r.Kickstart = s.build, s.current.medium, s.cmdline, s.ks
	r.Network, r.CA, r.Streamed = s.network, s.caFile(), s.current.streamed != nil
	r.Image, r.Loop, r.Lower, r.Root = root.image, root.loop, s.dirs.lower, s.dirs.root
	if err := r.Write(s.dirs.record); err != nil {
		return fmt.Errorf("write the record for stage 2: %w", err)
	}
	err := os.Remove(s.dirs.result)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// decide says how to go on: what stage 2 asked for, what the boot options say for
// a failure nobody watches, or what a person chooses.
func (s *session) decide(ctx context.Context, asked handoff.Action, failure error) handoff.Action {
	if failure != nil {
		s.announce(failure)
	}
	switch {
	case failure == nil && asked != handoff.Ask && asked != handoff.Shell:
		return asked
	case failure != nil && asked != handoff.Ask && asked != handoff.Shell:
		return asked // stage 2 knew that it failed, and what is to follow
	case failure != nil && asked == handoff.Ask && s.opts.OnFail != "":
		return s.onFail(ctx)
	case asked == handoff.Shell:
		s.shell("")
	}
	return s.menu(ctx, failure)
}

// onFail does what inst.onfail= says.
func (s *session) onFail(ctx context.Context) handoff.Action {
	switch s.opts.OnFail {
	case bootargs.OnFailPoweroff:
		return handoff.Poweroff
	case bootargs.OnFailReboot:
		return handoff.Reboot
	}
	s.shell("")
	return s.menu(ctx, nil)
}

// lastResort is for a machine on which not even the start worked.
func (s *session) lastResort(ctx context.Context) {
	for {
		switch a := s.menu(ctx, nil); a {
		case handoff.Retry:
			s.say("Without a start there is nothing to try again. Reboot instead.")
		default:
			s.end(ctx, a)
		}
	}
}
