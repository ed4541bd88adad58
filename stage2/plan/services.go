package plan

import (
	"context"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

// services switches systemd units on and off, and names the time servers.
type services struct {
	base
	units config.Services
	time  config.TimeSource
}

// idle reports whether there is nothing to do.
func (s services) idle() bool {
	return len(s.units.Enabled)+len(s.units.Disabled)+len(s.time.Servers) == 0 && !s.time.Off
}

func (s services) Run(ctx context.Context, env *Env) error {
	for _, u := range s.units.Enabled {
		s.control(ctx, env, "enable", u)
	}
	for _, u := range s.units.Disabled {
		s.control(ctx, env, "disable", u)
	}
	if s.time.Off {
		s.control(ctx, env, "disable", "systemd-timesyncd.service")
		return nil
	}
	return s.servers(env)
}

// control warns when a unit isn't there: the system is none the worse for it.
func (s services) control(ctx context.Context, env *Env, verb, unit string) {
	if err := inTarget(ctx, env, "systemctl", verb, unit); err != nil {
		warn(env, "systemctl "+verb+" "+unit+": "+err.Error())
	}
}

// servers configures chrony or systemd-timesyncd, whichever the target has.
func (s services) servers(env *Env) error {
	var chrony, names []string
	for _, t := range s.time.Servers {
		kind, options := "server", " iburst"
		if t.Pool {
			kind = "pool"
		}
		if t.NTS {
			options += " nts"
		}
		chrony = append(chrony, kind+" "+t.Host+options+"\n")
		names = append(names, t.Host)
	}
	switch {
	case len(names) == 0:
		return nil
	case exists(env, Target+"/etc/chrony"):
		return etc(env, "chrony/sources.d/installer.sources", strings.Join(chrony, ""))
	case exists(env, Target+"/usr/lib/systemd/systemd-timesyncd"):
		return etc(env, "systemd/timesyncd.conf.d/installer.conf", "[Time]\nNTP="+strings.Join(names, " ")+"\n")
	}
	warn(env, "the new system has neither chrony nor systemd-timesyncd: the time servers are not configured")
	return nil
}
