package engine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/stage2/engine"
	"github.com/molt-installer/molt/stage2/event"
	"github.com/molt-installer/molt/stage2/host"
	"github.com/molt-installer/molt/stage2/host/hosttest"
	"github.com/molt-installer/molt/stage2/payload"
	"github.com/molt-installer/molt/stage2/plan"
)

func TestRun(t *testing.T) {
	r := newRig(t)
	if err := r.run(t, engine.Options{}); err != nil {
		t.Fatal(err)
	}
	r.checkHost(t)
	wantPayload := []string{"fetch 1 from " + handoff.Outside + "/molt/medium", "fetch 2 from /medium", "fetch 3 from /medium", "install", "finish"}
	if diff := cmp.Diff(wantPayload, r.payload.calls); diff != "" {
		t.Errorf("the payload's calls (-want +got):\n%s", diff)
	}
	want := &handoff.Result{Target: "/target", Remove: []string{".molt"}, Eject: []string{"/dev/sr0"}}
	if diff := cmp.Diff(want, r.env.Result); diff != "" {
		t.Errorf("the result (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"/target", "/target/boot/efi"}, r.host.Mounted()); diff != "" {
		t.Errorf("what is left mounted (-want +got):\n%s", diff)
	}
}

// TestOrder: what the product is about happens in this order.
func TestOrder(t *testing.T) {
	r := newRig(t)
	if err := r.run(t, engine.Options{}); err != nil {
		t.Fatal(err)
	}
	calls := r.host.Calls()
	at := 0
	for _, want := range []string{
		"wipe /dev/vda", "write-table /dev/vda", "run mkswap", "run swapon", "run mkfs.vfat", "run mkfs.ext4", "mount /dev/vda3 on /target type ext4",
		"mount /dev/vda1 on /target/boot/efi", "copy /proc/1/root/molt/medium/images/stage2.img to /target/.molt/stage2.img",
		"switch /dev/loop0 to /target/.molt/stage2.img", "unmount /proc/1/root/molt/medium", "look /dev/sr0", "eject /dev/sr0", "await",
		"mount /dev/sr0 on /medium type iso9660 read-only", "unmount /medium", "eject /dev/sr0", "await", "mount /dev/sr0 on /medium",
		"unmount /medium", "mount /dev on /target/dev", "write /target/etc/fstab", "run apt-get install", "run useradd", "run chpasswd",
		"run grub-install --target=x86_64-efi --efi-directory=/target/boot/efi --boot-directory=/target/boot --removable --no-nvram",
		"run grub-install --target=x86_64-efi --efi-directory=/target/boot/efi --boot-directory=/target/boot --bootloader-id=debian",
		"in /target: grub-mkconfig", "in /target: /bin/sh", "symlink /mnt/sysimage to /target", "write /target/var/log/installer/ks.cfg",
		"unmount /target/run", "unmount /target/dev", "run swapoff", "sync /target",
	} {
		i := slices.IndexFunc(calls[at:], func(c string) bool { return strings.Contains(c, want) })
		if i < 0 {
			t.Fatalf("%q doesn't come after %q; the calls were:\n%s", want, calls[max(0, at-1)], strings.Join(calls, "\n"))
		}
		at += i + 1
	}
	if n := len(r.host.Called("eject")); n != 2 {
		t.Errorf("trays were opened %d times, want 2", n)
	}
}

// TestEveryCallFails lets each call fail in turn: every run ends, tells how,
// writes no other disk and opens no tray as long as the installer runs from it.
func TestEveryCallFails(t *testing.T) {
	for k := 1; ; k++ {
		r := newRig(t)
		r.host.FailAt(k, errFault)
		err := r.run(t, engine.Options{})
		r.checkHost(t)
		if k > len(r.host.Calls()) {
			break
		}
		if t.Failed() {
			t.Fatalf("with call %d failing: %s (the run: %v)", k, r.host.Calls()[k-1], err)
		}
	}
}

// TestEveryCallFailsOnce: with a person who tries again, every single fault is
// overcome, and there is never a second copy of the image.
func TestEveryCallFailsOnce(t *testing.T) {
	for k := 1; ; k++ {
		r := newRig(t)
		r.host.FailAt(k, errFault)
		err := r.run(t, engine.Options{Asker: &again{}})
		r.checkHost(t)
		if k > len(r.host.Calls()) {
			break
		}
		if err != nil || t.Failed() {
			t.Fatalf("with call %d failing once: %s: %v", k, r.host.Calls()[k-1], err)
		}
		var copies []string
		for _, n := range r.host.Names("/target") {
			if strings.HasSuffix(n, "stage2.img") {
				copies = append(copies, n)
			}
		}
		if len(copies) != 1 {
			t.Fatalf("with call %d failing once: copies %v", k, copies)
		}
	}
}

// again tries again, but not for ever.
type again struct{ times int }

func (a *again) Ask(_ context.Context, q engine.Question) (engine.Choice, error) {
	if a.times++; a.times > 5 {
		return engine.Abort, nil
	}
	return engine.Retry, nil
}

func TestSwitchMadeToFail(t *testing.T) {
	r := newRig(t)
	r.host.FailOn("switch /dev/loop0 to /target/.molt/stage2.img.broken", 1, errors.New("another size"))
	err := r.run(t, engine.Options{FailStep: plan.RelocateID})
	var se *engine.StepError
	if !errors.As(err, &se) || se.Step != plan.RelocateID {
		t.Fatalf("the run ended with %v", err)
	}
	r.checkHost(t)
	for _, not := range []string{"eject", "unmount /proc/1/root"} {
		if calls := r.host.Called(not); len(calls) > 0 {
			t.Errorf("after the failed switch: %v", calls)
		}
	}
	if m := r.host.Mounted(); !slices.Equal(m, []string{handoff.Outside + "/molt/medium"}) {
		t.Errorf("left mounted: %v", m)
	}
	if len(r.env.Result.Remove)+len(r.env.Result.Eject) > 0 || r.env.Result.Target != "" {
		t.Errorf("the result is %+v", r.env.Result)
	}
}

func TestFailStep(t *testing.T) {
	r := newRig(t)
	if err := r.run(t, engine.Options{FailStep: "bootloader"}); !errors.Is(err, engine.ErrMadeToFail) {
		t.Fatalf("the run ended with %v", err)
	}
	if len(r.host.Called("run grub-install")) > 0 {
		t.Error("the step ran")
	}
	onError := slices.IndexFunc(r.host.Calls(), func(c string) bool { return strings.HasPrefix(c, "run /bin/sh /tmp/installer-onerror-1") })
	undo := slices.Index(r.host.Calls(), "unmount /target/run")
	if onError < 0 || undo < onError {
		t.Errorf("%%onerror is call %d and the first undo call %d", onError, undo)
	}
}

// odd is a step that does what a test wants.
type odd struct {
	id   string
	skip bool
	do   func(ctx context.Context, env *plan.Env) error
}

func (o odd) ID() string                                   { return o.id }
func (o odd) Title() string                                { return "Do " + o.id }
func (o odd) Weight() int                                  { return 1 }
func (o odd) Skippable() bool                              { return o.skip }
func (o odd) Run(ctx context.Context, env *plan.Env) error { return o.do(ctx, env) }

func runSteps(t *testing.T, ctx context.Context, o engine.Options, steps ...plan.Step) ([]event.Event, error) {
	t.Helper()
	r := &rig{plan: &plan.Plan{Steps: steps}, env: &plan.Env{Host: hosttest.New(), Result: &handoff.Result{}}}
	o.Sink = r
	err := engine.Run(ctx, r.plan, r.env, o)
	r.checkEvents(t, err)
	return r.events, err
}

type askerFunc func(engine.Question) engine.Choice

func (f askerFunc) Ask(_ context.Context, q engine.Question) (engine.Choice, error) { return f(q), nil }

// harmless is a step that writes nothing.
type harmless struct{ odd }

func (harmless) Harmless() bool { return true }

// TestBack: a person can go back to the questions as long as nothing has been written,
// and the run says neither done nor failed.
func TestBack(t *testing.T) {
	no := func(context.Context, *plan.Env) error { return errors.New("no") }
	yes := func(context.Context, *plan.Env) error { return nil }
	for name, tt := range map[string]struct {
		steps []plan.Step
		want  []engine.Choice
	}{
		"nothing was written": {[]plan.Step{harmless{odd{id: "a", do: yes}}, harmless{odd{id: "b", do: no}}}, []engine.Choice{engine.Retry, engine.Back, engine.Abort}},
		"it may have written": {[]plan.Step{harmless{odd{id: "a", do: yes}}, odd{id: "b", do: no}}, []engine.Choice{engine.Retry, engine.Abort}},
		"something has":       {[]plan.Step{odd{id: "a", do: yes}, harmless{odd{id: "b", skip: true, do: no}}}, []engine.Choice{engine.Retry, engine.Skip, engine.Abort}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []engine.Choice
			var events []event.Event
			asker := askerFunc(func(q engine.Question) engine.Choice { got = q.Choices; return engine.Back })
			sink := event.Func(func(e event.Event) { events = append(events, e) })
			err := engine.Run(t.Context(), &plan.Plan{Steps: tt.steps}, &plan.Env{Host: hosttest.New(), Result: &handoff.Result{}}, engine.Options{Sink: sink, Asker: asker})
			offered := slices.Contains(tt.want, engine.Back)
			if !slices.Equal(got, tt.want) || err == nil || errors.Is(err, engine.ErrBack) != offered {
				t.Errorf("offered %v and ended with %v, want %v", got, err, tt.want)
			}
			if last := events[len(events)-1].Type; (last == event.Failed) == offered {
				t.Errorf("the last event is %s", last)
			}
		})
	}
}

func TestPanic(t *testing.T) {
	_, err := runSteps(t, t.Context(), engine.Options{}, odd{id: "a", do: func(context.Context, *plan.Env) error { panic("oh") }})
	if err == nil || !strings.Contains(err.Error(), "a: a mistake in the installer: oh") {
		t.Errorf("the run ended with %v", err)
	}
}

// TestTraceback: the %traceback scripts run after a panic alone, and before %onerror.
func TestTraceback(t *testing.T) {
	for name, tt := range map[string]struct {
		fault func(context.Context, *plan.Env) error
		want  []string
	}{
		"panic":   {func(context.Context, *plan.Env) error { panic("oh") }, []string{"traceback", "onerror"}},
		"failure": {func(context.Context, *plan.Env) error { return errors.New("no") }, []string{"onerror"}},
	} {
		var ran []string
		script := func(id string) plan.Step {
			return odd{id: id, do: func(context.Context, *plan.Env) error { ran = append(ran, id); return nil }}
		}
		p := &plan.Plan{Steps: []plan.Step{odd{id: "a", do: tt.fault}}, Traceback: []plan.Step{script("traceback")}, OnError: []plan.Step{script("onerror")}}
		if err := engine.Run(t.Context(), p, &plan.Env{}, engine.Options{}); err == nil {
			t.Errorf("%s: no error", name)
		}
		if d := cmp.Diff(tt.want, ran); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

// TestSecretInTheError: the error goes on to the result, and to all consoles.
func TestSecretInTheError(t *testing.T) {
	cause := errors.New("chpasswd: line 1: root:$y$secret")
	p := &plan.Plan{Secrets: []string{"$y$secret"}, Steps: []plan.Step{
		odd{id: "a", do: func(context.Context, *plan.Env) error { return cause }},
	}}
	err := engine.Run(t.Context(), p, &plan.Env{}, engine.Options{})
	if !errors.Is(err, cause) || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, err := runSteps(t, ctx, engine.Options{Asker: &again{}},
		odd{id: "a", do: func(context.Context, *plan.Env) error { cancel(); return nil }},
		odd{id: "b", do: func(context.Context, *plan.Env) error { t.Error("ran"); return nil }})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the run ended with %v", err)
	}
}

// TestProgressIsThrottled: at most ten a second, and the last one always.
func TestProgressIsThrottled(t *testing.T) {
	clock := time.Unix(0, 0)
	now := func() time.Time { clock = clock.Add(time.Millisecond); return clock }
	events, err := runSteps(t, t.Context(), engine.Options{Now: now}, odd{id: "a", do: func(_ context.Context, env *plan.Env) error {
		for i := range int64(2000) {
			env.Emit(event.Event{Type: event.Progress, Progress: &event.Amount{Done: i, Total: 1999}})
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	var done []int64
	for _, e := range events {
		if e.Type == event.Progress {
			done = append(done, e.Progress.Done)
		}
	}
	if span := clock.Sub(time.Unix(0, 0)); len(done) > int(span/(100*time.Millisecond))+2 || done[len(done)-1] != 1999 {
		t.Errorf("%d progress events in %v, the last %d", len(done), span, done[len(done)-1])
	}
}

// answers gives its choices in turn.
type answers struct{ choices []engine.Choice }

func (a *answers) Ask(_ context.Context, q engine.Question) (engine.Choice, error) {
	c := a.choices[0]
	a.choices = a.choices[1:]
	return c, nil
}

func TestChoices(t *testing.T) {
	fails := func(times int) odd {
		return odd{id: "a", do: func(context.Context, *plan.Env) error {
			if times--; times >= 0 {
				return errFault
			}
			return nil
		}}
	}
	skippable := fails(9)
	skippable.skip = true
	for name, tt := range map[string]struct {
		step    plan.Step
		choices []engine.Choice
		ok      bool
	}{
		"retry until it works":       {fails(2), []engine.Choice{engine.Retry, engine.Retry}, true},
		"abort":                      {fails(2), []engine.Choice{engine.Retry, engine.Abort}, false},
		"skip what can be":           {skippable, []engine.Choice{engine.Skip}, true},
		"skip what can't is abort":   {fails(1), []engine.Choice{engine.Skip}, false},
		"nonsense is taken as abort": {fails(1), []engine.Choice{"what"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := runSteps(t, t.Context(), engine.Options{Asker: &answers{tt.choices}}, tt.step)
			if (err == nil) != tt.ok {
				t.Errorf("the run ended with %v", err)
			}
		})
	}
}

// TestBusyDisc: the installation says who holds the disc and goes on by itself.
func TestBusyDisc(t *testing.T) {
	r := newRig(t)
	r.host.FailOn("unmount /proc/1/root", 1, &host.BusyError{Path: "/molt/medium", Holders: []string{"pid 7 (bash): working directory /molt/medium"}})
	if err := r.run(t, engine.Options{}); err != nil {
		t.Fatal(err)
	}
	told := slices.ContainsFunc(r.events, func(e event.Event) bool {
		return e.Type == event.Warning && strings.Contains(e.Message, "pid 7 (bash)")
	})
	if !told {
		t.Error("nobody was told who holds the disc")
	}
}

// TestOnlyDiscOne: with all packages on disc 1 no tray is opened, and the disc
// is given back all the same.
func TestOnlyDiscOne(t *testing.T) {
	r := newRig(t, func(in *plan.Input) {
		in.Selection = &payload.Selection{Packages: []payload.Package{{Name: "a", Disc: 1}}}
	})
	if err := r.run(t, engine.Options{}); err != nil {
		t.Fatal(err)
	}
	if len(r.host.Called("switch")) != 1 || len(r.host.Called("unmount /proc/1/root/molt/medium")) != 1 || len(r.host.Called("eject")) != 0 {
		t.Errorf("calls:\n%s", strings.Join(r.host.Calls(), "\n"))
	}
}
