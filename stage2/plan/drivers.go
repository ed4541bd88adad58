package plan

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/molt-installer/molt/internal/handoff"
)

// drivers takes what driver disks brought to the new system, and has it used
// from its first boot on.
type drivers struct {
	base
	files []string // handoff.Record.Drivers
}

// driverPlaces are where modules and firmware are found before all others
// (depmod.d(5), Documentation/driver-api/firmware/fw_search_path.rst).
const (
	moduleUpdates   = "/lib/modules/%s/updates/"
	firmwareUpdates = "/lib/firmware/updates/"
)

func (s drivers) Run(ctx context.Context, env *Env) error {
	data, err := env.Host.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return fmt.Errorf("ask for the kernel's version: %w", err)
	}
	release := strings.TrimSpace(string(data))
	if !exists(env, Target+"/lib/modules/"+release) {
		warn(env, fmt.Sprintf("the new system has another kernel than Linux %s, for which the drivers of the driver disk are: they are not installed", release))
		return nil
	}
	for _, f := range s.files {
		if err := copyDriver(ctx, env, f, release); err != nil {
			return err
		}
	}
	if err := inTarget(ctx, env, "depmod", "-a", release); err != nil {
		return fmt.Errorf("index the new system's modules: %w", err)
	}
	if hasProgram(env, "update-initramfs") {
		if err := inTarget(ctx, env, "update-initramfs", "-u", "-k", release); err != nil {
			return fmt.Errorf("put the drivers into the new system's initramfs: %w", err)
		}
	}
	return nil
}

func copyDriver(ctx context.Context, env *Env, file, release string) error {
	kind, name, _ := strings.Cut(file, "/")
	dir := firmwareUpdates
	if kind == "modules" {
		dir = fmt.Sprintf(moduleUpdates, release)
	}
	to := Target + dir + name
	if err := env.Host.MkdirAll(path.Dir(to), 0o755); err != nil {
		return fmt.Errorf("make %s: %w", path.Dir(to), err)
	}
	if _, err := env.Host.Copy(ctx, handoff.Outside+dir+name, to, nil); err != nil {
		return fmt.Errorf("copy the driver %s: %w", name, err)
	}
	return nil
}
