package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/molt-installer/molt/cmd/loopctl/internal/cli"
	"github.com/molt-installer/molt/loopctl"
)

// release is how detach detaches.
type release struct {
	all     bool
	timeout time.Duration
	json    bool
}

// released is what became of one device.
type released struct {
	Device   string `json:"device"`
	Detached bool   `json:"detached"`
	Error    string `json:"error,omitempty"`
}

func detachCommand() cli.Command {
	r := release{timeout: 10 * time.Second}
	return cli.Command{
		Name:    "detach",
		Summary: "clear loop devices and wait until they are really gone",
		About:   "A device that is in use goes away with its last user. That has begun, and can't be called back, also when waiting for it has ended with an error.",
		Args:    []cli.Arg{{Name: "DEVICE", Optional: true, Repeated: true, Offers: devices()}},
		Options: []cli.Option{
			cli.Switch(&r.all, "all", "D", "every bound device"),
			cli.Time(&r.timeout, "timeout", "how long to wait for other users of a device; default 10s"),
			jsonOption(&r.json),
		},
		Run: r.run,
	}
}

func (r *release) run(ctx context.Context, args []string, s cli.Streams) error {
	if r.all == (len(args) > 0) {
		return &cli.UsageError{Text: "takes DEVICE... or --all"}
	}
	if r.all {
		infos, err := loopctl.List()
		if err != nil {
			return err
		}
		for _, info := range infos {
			args = append(args, info.Path)
		}
	}
	var errs []error
	results := []released{}
	for _, name := range args {
		err := r.detach(ctx, name)
		if r.all && errors.Is(err, loopctl.ErrNotBound) {
			continue
		}
		errs = append(errs, err)
		results = append(results, released{Device: name, Detached: err == nil, Error: text(err)})
	}
	if r.json {
		errs = append(errs, printJSON(s.Out, results))
	}
	return errors.Join(errs...)
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func (r *release) detach(ctx context.Context, name string) error {
	d, err := loopctl.Open(name)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, r.timeout, fmt.Errorf("still in use after %v", r.timeout))
	defer cancel()
	return d.Detach(ctx)
}
