package stage2

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/molt-installer/molt/internal/bootargs"
	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/engine"
	"github.com/molt-installer/molt/stage2/event"
	"github.com/molt-installer/molt/stage2/plan"
)

// end tells of the end where that has not been done, and leaves the result.
func (s *session) end(ctx context.Context, failure error) error {
	if failure != nil && !s.told {
		s.onError(ctx, failure)
		s.out.Emit(event.Event{Type: event.Failed, Err: failure.Error()})
	}
	result := s.env.Result
	result.Action = s.action(ctx, failure)
	if failure != nil {
		result.Error, result.Eject = failure.Error(), nil
	}
	if s.face != nil {
		s.out.show(nil)
		if err := s.face.Close(); err != nil {
			s.out.say("the screens: " + err.Error())
		}
	}
	s.closeSSH()
	if err := result.Write(s.Paths.Result); err != nil {
		return fmt.Errorf("leave the result to stage 1: %w", err)
	}
	return nil
}

// onError runs the %onerror scripts when it didn't come to a plan, whose own
// matter they are, and before them the %traceback scripts after a mistake.
func (s *session) onError(ctx context.Context, failure error) {
	kinds := []config.ScriptKind{config.OnError}
	if m := (*engine.Mistake)(nil); errors.As(failure, &m) {
		kinds = []config.ScriptKind{config.Traceback, config.OnError}
	}
	for _, kind := range kinds {
		for i, sc := range s.answers.Scripts {
			if sc.Kind != kind {
				continue
			}
			err := plan.NewScript(fmt.Sprintf("%s-%d", kind, i+1), sc).Run(context.WithoutCancel(ctx), s.env)
			if err != nil {
				s.out.Emit(event.Event{Type: event.Warning, Message: err.Error()})
			}
		}
	}
}

// caught makes a panic of do an error that is yet to be told, and logs where it was.
func (s *session) caught(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err, s.told = &engine.Mistake{What: p}, false
			s.out.Emit(event.Event{Type: event.Log, Message: string(debug.Stack())})
		}
	}()
	return do()
}

// action is what stage 1 does next. A person decides, where there is one; else
// the kickstart, and after a failure inst.onfail=.
func (s *session) action(ctx context.Context, failure error) handoff.Action {
	if s.face != nil && ctx.Err() == nil {
		if a, err := s.face.End(ctx, failure); err == nil {
			return a
		}
	}
	interrupted := errors.Is(context.Cause(ctx), ErrInterrupted)
	if errors.Is(failure, context.Canceled) && !interrupted { // Ctrl-Alt-Del, by way of stage 1
		return handoff.Reboot
	}
	if failure != nil {
		return onFail(s.setup.Options.OnFail)
	}
	switch s.answers.End.Action {
	case "reboot":
		return handoff.Reboot
	case "poweroff", "shutdown":
		return handoff.Poweroff
	case "halt":
		return handoff.Halt
	}
	if s.rescueAsked() != nil {
		return handoff.Reboot
	}
	return handoff.Ask
}

func onFail(o bootargs.OnFail) handoff.Action {
	switch o {
	case bootargs.OnFailReboot:
		return handoff.Reboot
	case bootargs.OnFailPoweroff:
		return handoff.Poweroff
	case bootargs.OnFailShell:
		return handoff.Shell
	}
	return handoff.Ask
}

// newUUID is a random UUID, RFC 9562 version 4.
func newUUID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails, crypto/rand
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// ErrLeft says that the person at the terminal ended the installer before
// anything was written.
var ErrLeft = errors.New("ended by the person at the terminal; nothing has been written")
