package plan

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"

	"github.com/molt-installer/molt/stage2/host"
	"github.com/molt-installer/molt/stage2/payload"
)

// bind gives the target's programs /dev, /proc, /sys and /run.
type bind struct{ base }

func newBind() bind { return bind{base{"bind", "Prepare the new system for its own programs", 1}} }

func binds() []string { return []string{"/dev", "/dev/pts", "/proc", "/sys", "/run"} }

func (s bind) Run(_ context.Context, env *Env) error {
	for i, dir := range binds() {
		if err := env.Host.Mount(host.Mount{Source: dir, Target: Target + dir, FSType: "bind"}); err != nil {
			return errors.Join(fmt.Errorf("mount %s on %s: %w", dir, Target+dir, err), unbindFirst(env, i))
		}
	}
	return nil
}

func (s bind) Undo(_ context.Context, env *Env) error { return unbindFirst(env, len(binds())) }

func unbindFirst(env *Env, n int) error {
	var errs []error
	for _, dir := range slices.Backward(binds()[:n]) {
		if err := env.Host.Unmount(Target + dir); err != nil && !errors.Is(err, syscall.EINVAL) { // not mounted
			errs = append(errs, fmt.Errorf("unmount %s: %w", Target+dir, err))
		}
	}
	return errors.Join(errs...)
}

// install lets the payload make the target a system.
type install struct {
	base
	selection *payload.Selection
	firewall  bool // nft is needed later; nobody adds packages to an image
}

func (s install) Run(ctx context.Context, env *Env) error {
	if err := env.Payload.Install(ctx, s.selection, Target, reporter{env}); err != nil {
		return err
	}
	if s.firewall {
		return needNft(env)
	}
	return nil
}

// finish lets the payload clean up, and put the target's initramfs in place. It
// comes before the boot loader, whose menu lists the initramfs it finds.
type finish struct {
	base
	selection *payload.Selection
}

func (s finish) Run(ctx context.Context, env *Env) error {
	return env.Payload.Finish(ctx, s.selection, Target, reporter{env})
}

// leave gives the target back to stage 1: nothing of the installation is
// mounted on it any more, and all is written.
type leave struct {
	base
	swaps  []string // that are in use
	mounts []string
}

func (s leave) Run(ctx context.Context, env *Env) error {
	for _, dir := range slices.Backward(binds()) {
		if err := unmountWhenFree(ctx, env, Target+dir); err != nil {
			return fmt.Errorf("unmount %s: %w", Target+dir, err)
		}
	}
	for _, device := range s.swaps {
		if !swapInUse(env, device) {
			continue
		}
		if err := run(ctx, env, "swapoff", device); err != nil {
			return fmt.Errorf("stop using %s: %w", device, err)
		}
	}
	for _, m := range s.mounts {
		if err := env.Host.Sync(Target + m); err != nil {
			return fmt.Errorf("write out %s: %w", Target+m, err)
		}
	}
	return nil
}

// swapInUse reports whether device is swapped to, by proc_swaps(5). An earlier try may
// have stopped that, and swapoff fails when there is nothing to stop. Not to
// know is to try.
func swapInUse(env *Env, device string) bool {
	table, err := env.Host.ReadFile("/proc/swaps")
	return err != nil || slices.Contains(strings.Fields(string(table)), device)
}

// logs keeps what was decided on the target. What happened is written there as
// it happens, by the event sinks.
type logs struct {
	base
	files map[string][]byte // name below LogDir → content, without secrets
}

func (s logs) Run(_ context.Context, env *Env) error {
	for _, name := range slices.Sorted(maps.Keys(s.files)) {
		if err := env.Host.WriteFile(Target+LogDir+"/"+name, s.files[name], 0o600); err != nil {
			return fmt.Errorf("keep the log: %w", err)
		}
	}
	return nil
}
