package plan

import (
	"context"

	"github.com/molt-installer/molt/stage2/event"
	"github.com/molt-installer/molt/stage2/host"
)

// reporter is payload.Progress over the event stream.
type reporter struct{ env *Env }

func (r reporter) Advance(done, total int64, unit, item string) {
	advance(r.env, done, total, unit, item)
}
func (r reporter) Line(line string)    { r.env.Emit(event.Event{Type: event.Log, Message: line}) }
func (r reporter) Warn(message string) { warn(r.env, message) }

func advance(env *Env, done, total int64, unit, item string) {
	env.Emit(event.Event{Type: event.Progress, Progress: &event.Amount{Done: done, Total: total, Unit: unit, Item: item}})
}

func warn(env *Env, message string) { env.Emit(event.Event{Type: event.Warning, Message: message}) }

// run runs one of stage 2's own programs and logs its output.
func run(ctx context.Context, env *Env, args ...string) error {
	return runIn(ctx, env, host.Command{Args: args})
}

// inTarget runs one of the target's programs.
func inTarget(ctx context.Context, env *Env, args ...string) error {
	return runIn(ctx, env, host.Command{Args: args, Root: Target, Env: []string{"DEBIAN_FRONTEND=noninteractive"}})
}

func runIn(ctx context.Context, env *Env, c host.Command) error {
	c.Line = reporter{env}.Line
	return env.Host.Run(ctx, c)
}

// exists reports whether a file is there.
func exists(env *Env, path string) bool {
	_, err := env.Host.Stat(path)
	return err == nil
}

// hasProgram reports whether the target has a program in one of its usual places.
func hasProgram(env *Env, name string) bool {
	for _, dir := range []string{"/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"} {
		if exists(env, Target+dir+name) {
			return true
		}
	}
	return false
}
