package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/molt-installer/molt/loopctl"
	"github.com/molt-installer/molt/loopctl/blockfs"
)

var (
	errStillServed = errors.New("ended while the served file was in use: reads of it fail from now on")
	errUnmounted   = errors.New("somebody else has unmounted the served file")
)

// Nothing tells when the last user of a mount goes, so it is tried again and again.
const (
	again = 200 * time.Millisecond
	grace = 1 * time.Second // before it is said who is in the way
)

// stop ends the serving as soon as nobody uses the file, or at a second signal.
func (v *service) stop(ctx context.Context) error {
	hurry, release := signal.NotifyContext(context.WithoutCancel(ctx), os.Interrupt, syscall.SIGTERM)
	defer release()
	v.log.write(event{Event: "stopping"})
	if err := errors.Join(notify("STOPPING=1"), v.letGo()); err != nil {
		v.log.warn(err)
	}
	tick := time.NewTicker(again)
	defer tick.Stop()
	var told []string
	closed := v.unmount()
	for start := time.Now(); ; {
		select {
		case err := <-closed:
			if err == nil {
				return nil
			}
			if !errors.Is(err, blockfs.ErrBusy) {
				return errors.Join(err, v.files.Abort())
			}
			closed = nil
		case <-tick.C:
			if who := v.users(hurry); time.Since(start) > grace && !slices.Equal(who, told) {
				v.log.write(event{Event: "busy", Users: who})
				told = who
			}
			if closed == nil {
				closed = v.unmount()
			}
		case <-hurry.Done():
			return v.abort()
		}
	}
}

// unmount tries once. No answer comes as long as another mount namespace has a copy of
// the mount, which ours can't unmount.
func (v *service) unmount() <-chan error {
	closed := make(chan error, 1)
	go func() { closed <- v.files.Close() }()
	return closed
}

// abort ends the serving at once. What can't be unmounted from here ends with the
// process, so that isn't waited for.
func (v *service) abort() error {
	aborted := make(chan error, 1)
	go func() { aborted <- v.files.Abort() }()
	select {
	case err := <-aborted:
		return errors.Join(errStillServed, err)
	case <-time.After(grace):
		return errStillServed
	}
}

// letGo gives the device back: cleared with its last user if it serves from our file,
// for good if it has been switched to another.
func (v *service) letGo() error {
	if v.device == nil {
		return nil
	}
	var kept error
	info, err := v.device.Info()
	if err == nil && info.BackingFile != v.files.Path() {
		kept = v.device.SetAutoclear(false)
	}
	return errors.Join(err, kept, v.device.Close())
}

// users are those that hold the file, and those that hold loop devices over it.
func (v *service) users(ctx context.Context) []string {
	holders, err := loopctl.Holders(ctx, v.files.Path())
	if errors.Is(err, fs.ErrNotExist) {
		return []string{"a mount of it in another mount namespace"}
	}
	var names []string
	for _, h := range holders {
		names = append(names, h.String())
		if h.How != loopctl.HoldsLoop {
			continue
		}
		over, herr := loopctl.Holders(ctx, h.Device)
		err = errors.Join(err, herr)
		for _, o := range over {
			names = append(names, fmt.Sprintf("%s: %s", h.Device, o))
		}
	}
	if err != nil {
		names = append(names, fmt.Sprintf("(who else can't be found out: %v)", err))
	}
	if names == nil {
		names = []string{"somebody who can't be found"}
	}
	return names
}
