package plan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/payload"
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
		for _, u := range timeUnits() {
			if hasUnit(env, u) {
				s.control(ctx, env, "disable", u)
			}
		}
		return nil
	}
	return s.servers(env)
}

// timeUnits set the clock by the network, whichever is installed.
func timeUnits() []string {
	return []string{"systemd-timesyncd.service", "chrony.service", "ntpsec.service", "openntpd.service"}
}

// hasUnit reports whether the target has a unit of systemd's.
func hasUnit(env *Env, unit string) bool {
	return exists(env, Target+"/usr/lib/systemd/system/"+unit) || exists(env, Target+"/lib/systemd/system/"+unit)
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
		return errors.Join(noOtherSources(env), etc(env, "chrony/sources.d/installer.sources", strings.Join(chrony, "")))
	case exists(env, Target+"/usr/lib/systemd/systemd-timesyncd"):
		return etc(env, "systemd/timesyncd.conf.d/installer.conf", "[Time]\nNTP="+strings.Join(names, " ")+"\n")
	}
	warn(env, "the new system has neither chrony nor systemd-timesyncd: the time servers are not configured")
	return nil
}

// noOtherSources takes Debian's own servers out of chrony.conf(5): those that were named are meant
// instead of them.
func noOtherSources(env *Env) error {
	const name = "chrony/chrony.conf"
	old, err := env.Host.ReadFile(Target + "/etc/" + name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return etc(env, name, regexp.MustCompile(`(?m)^(server|pool|peer)[ \t]`).ReplaceAllString(string(old), "#$0"))
}

// timeSource refuses what no program that is installed can do.
func (b *builder) timeSource() {
	has := func(name string) bool {
		return slices.ContainsFunc(b.Selection.Packages, func(p payload.Package) bool { return p.Name == name })
	}
	nts := func(s config.TimeServer) bool { return s.NTS }
	if slices.ContainsFunc(b.Answers.Time.Servers, nts) && !b.Answers.Time.Off && len(b.Selection.Packages) > 0 && !has("chrony") {
		b.problems.Add(NotSupported, "timesource --nts", "only chrony can do it, and that isn't among the packages; add chrony to %%packages, or leave --nts out")
	}
}
