package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/molt-installer/molt/cmd/loopctl/internal/cli"
	"github.com/molt-installer/molt/loopctl"
	"github.com/molt-installer/molt/loopctl/blockfs"
	"github.com/molt-installer/molt/loopctl/failover"
	"github.com/molt-installer/molt/loopctl/source"
)

// service is what serve serves, and how.
type service struct {
	options failover.Options
	dir     string
	attach  bool
	json    bool

	log    *journal
	reader *failover.Reader
	files  *blockfs.Server
	device *loopctl.Device // nil without --attach
	clean  []func() error  // in the order in which they were made
}

func serveCommand() cli.Command {
	var v service
	return cli.Command{
		Name:    "serve",
		Summary: "serve a file that comes from the first of several sources that is well",
		About: `SOURCE is a regular file, a block device, or the URL of a file on an http or https server that knows ranges; all must have the same content, and are taken ` +
			`in the order given. A source that doesn't answer in time, or fails, costs its readers one deadline: the next one answers, and serves until a probe finds the first one well again.

When it serves, the path of the file is printed, or, with --attach, the name of the loop device over it. It serves until SIGINT or SIGTERM. If somebody still uses the ` +
			`file or the device then, it says who, and serves until they have finished; a second signal ends it at once, and their reads fail.

With --json there is an object in each line, with "event" and "time": ready (path, device, size), down and up (source: how it is), failed (reads that no ` +
			`source answered), warning, stopping, busy (users), ended.

A device that has been switched to another file meanwhile ("switch", "watch", "to-memory") stays when it ends.

It locks itself into memory (mlockall(2)), so that it needn't be read from what it serves. Its sources mustn't lie there either.`,
		Args: []cli.Arg{{Name: "SOURCE", Repeated: true, Offers: cli.Offers{Files: true}}},
		Options: []cli.Option{
			cli.Switch(&v.attach, "attach", "", "bind a loop device to the file, read-only, and print its name"),
			cli.Text(&v.dir, "mount", "", "DIR", "empty directory to show the file in; default: a new one below /run").Offering(cli.Offers{Dirs: true}),
			cli.Time(&v.options.Deadline, "deadline", "for a request at one source; default 2s. A drive that has to spin up needs 20s"),
			failures(&v.options.Failures),
			cli.Time(&v.options.Probe, "probe", "interval at which a source that is down is looked at; default 1s"),
			jsonOption(&v.json),
		},
		Run: v.run,
	}
}

func failures(to *int) cli.Option {
	return cli.Option{Long: "failures", Arg: "N", About: "failures in a row after which a source is left alone; default 3", Set: func(s string) error {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return errors.New("it is a number from 1")
		}
		*to = n
		return nil
	}}
}

// run serves until ctx ends and nobody uses the file any more.
func (v *service) run(ctx context.Context, args []string, s cli.Streams) error {
	v.log = &journal{out: s.Out, err: s.Err, json: v.json}
	if err := lockMemory(); err != nil {
		v.log.warn(err)
	}
	err := v.start(ctx, args)
	if err == nil {
		err = v.serve(ctx)
	}
	if err == nil {
		v.log.write(event{Event: "ended"})
	}
	return errors.Join(err, v.close())
}

func (v *service) start(ctx context.Context, specs []string) error {
	if err := v.open(ctx, specs); err != nil {
		return err
	}
	if err := v.makeDir(); err != nil {
		return err
	}
	var err error
	v.files, err = blockfs.Mount(ctx, v.dir, blockfs.Config{Reader: v.reader, Failed: v.log.failed})
	if err != nil || !v.attach {
		return err
	}
	if v.device, err = v.bind(ctx); err != nil {
		return errors.Join(err, v.files.Close())
	}
	return nil
}

// open makes a reader of the sources.
func (v *service) open(ctx context.Context, specs []string) error {
	var sources []failover.Source
	for _, spec := range specs {
		s, err := source.Open(ctx, spec, source.Options{})
		if err != nil {
			return errors.Join(fmt.Errorf("source %s: %w", spec, err), closeAll(sources))
		}
		sources = append(sources, s)
	}
	v.options.Tell = v.log.source
	r, err := failover.New(ctx, sources, v.options)
	if err != nil {
		return errors.Join(fmt.Errorf("serve: %w", err), closeAll(sources))
	}
	v.reader = r
	v.clean = append(v.clean, func() error {
		if err := r.Close(); err != nil { // a source that hangs now did so before
			v.log.warn(err)
		}
		return nil
	})
	return nil
}

func closeAll(sources []failover.Source) error {
	var errs []error
	for _, s := range sources {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

func (v *service) makeDir() (err error) {
	if v.dir != "" {
		return nil
	}
	if v.dir, err = os.MkdirTemp("/run", "loopctl-"); err != nil {
		return err
	}
	v.clean = append(v.clean, func() error { return os.Remove(v.dir) })
	return nil
}

// bind attaches the served file. The device goes with its last user, should this
// process be killed.
func (v *service) bind(ctx context.Context) (*loopctl.Device, error) {
	b := binding{config: loopctl.Config{ReadOnly: true, Autoclear: true}}
	return b.bind(ctx, v.files.Path())
}

// serve tells that all is ready, and waits for the end.
func (v *service) serve(ctx context.Context) error {
	ready := event{Event: "ready", Path: v.files.Path(), Size: v.reader.Size()}
	if v.device != nil {
		ready.Device = v.device.Path()
	}
	v.log.write(ready)
	if err := notify("READY=1"); err != nil {
		v.log.warn(err)
	}
	unmounted := make(chan struct{})
	go func() {
		v.files.Wait()
		close(unmounted)
	}()
	select {
	case <-unmounted:
		return errors.Join(errUnmounted, v.letGo())
	case <-ctx.Done():
	}
	return v.stop(ctx)
}

func (v *service) close() error {
	var errs []error
	for i := len(v.clean) - 1; i >= 0; i-- {
		errs = append(errs, v.clean[i]())
	}
	return errors.Join(errs...)
}
