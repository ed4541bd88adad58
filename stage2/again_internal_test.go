package stage2

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/host/hosttest"
	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/payload"
	"github.com/molt-installer/molt/stage2/plan"
)

// askedAgain is a Frontend that notes what it is asked.
type askedAgain struct {
	Frontend
	got Dialog
}

func (f *askedAgain) Decide(_ context.Context, d Dialog) (*plan.Plan, error) {
	f.got = d
	return &plan.Plan{}, nil
}

// shelf is a payload with a catalogue.
type shelf struct {
	payload.Payload
	catalog *media.Catalog
}

func (s shelf) Catalog() *media.Catalog { return s.catalog }

// TestAskedAgainAboutNow: back at the questions, they are about the machine and the source that the
// plan will be made for.
func TestAskedAgainAboutNow(t *testing.T) {
	face := &askedAgain{}
	now := &media.Catalog{}
	s := &session{out: &outputs{}, face: face, env: &plan.Env{Payload: shelf{catalog: now}}}
	s.asked = Dialog{Machine: machine.Machine{Arch: "old"}, Record: handoff.Record{Medium: handoff.Medium{URL: "cdrom:/dev/sr0"}}, Catalog: &media.Catalog{}}
	s.at = &looked{found: machine.Machine{Arch: "new"}}
	s.setup.Record.Medium.URL = "hd:/dev/sdb1"
	s.answers.Language = "de_DE.UTF-8"
	if _, err := s.decideAgain(t.Context()); err != nil {
		t.Fatal(err)
	}
	d := face.got
	if d.Machine.Arch != "new" || d.Record.Medium.URL != "hd:/dev/sdb1" || d.Catalog != now || d.Answers.Language != "de_DE.UTF-8" {
		t.Errorf("asked about %q, %q, answers %+v", d.Machine.Arch, d.Record.Medium.URL, d.Answers)
	}
}

// TestCancelledReview: one that nobody sees the end of takes nothing from the plan that was shown.
func TestCancelledReview(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	shown := &plan.Plan{}
	next, failed := shown, error(nil)
	q := &questions{dialog: Dialog{Build: func(context.Context, config.Answers) (*plan.Plan, error) {
		if next != shown {
			cancel()
		}
		return next, failed
	}}}
	if _, err := q.review(ctx, config.Answers{}); err != nil {
		t.Fatal(err)
	}
	next = &plan.Plan{}
	for range 2 { // called off while it is made, and before
		if _, err := q.review(ctx, config.Answers{}); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		if p, err := q.shown(); p != shown {
			t.Errorf("the plan is %p, %v; shown was %p", p, err, shown)
		}
	}
}

// TestAnswersOfThePlan: the session's answers are those of the plan that was decided on.
func TestAnswersOfThePlan(t *testing.T) {
	var m made
	first, second := &plan.Plan{}, &plan.Plan{}
	m.add(first, config.Answers{Language: "a"})
	m.add(second, config.Answers{Language: "b"})
	if a := m.of(first, config.Answers{}); a.Language != "a" {
		t.Errorf("answers %q", a.Language)
	}
	if a := m.of(second, config.Answers{Language: "own"}); a.Language != "own" {
		t.Errorf("still kept: %q", a.Language)
	}
}

// tar is a server that never takes all.
type tar struct{}

func (tar) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// TestSlowServer: it is given up, though nobody stops it.
func TestSlowServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &url.URL{Scheme: "http", Host: "server", Path: "/x"}
		if _, err := upload(t.Context(), &http.Client{Transport: tar{}}, u, []byte("logs")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
	})
}

// TestOneStickAtATime: a save waits for the one before it, and writes nothing when it was stopped meanwhile.
func TestOneStickAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hosttest.New()
		s := &session{Installer: Installer{Host: h, Paths: Paths{Record: "/run/molt/handoff.json"}}, out: &outputs{}, saving: make(chan struct{}, 1)}
		s.Probe = func(context.Context) (machine.Machine, error) {
			return machine.Machine{Disks: []machine.Disk{{Path: "/dev/sdb", Removable: true, FSType: "vfat"}}}, nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		s.saving <- struct{}{}
		got := make(chan error, 1)
		go func() {
			_, err := keeper{s}.toDisk(ctx, "/dev/sdb", "logs", []byte("x"))
			got <- err
		}()
		synctest.Wait()
		if len(h.Mounted()) > 0 {
			t.Errorf("mounted beside another save: %v", h.Mounted())
		}
		cancel()
		if err := <-got; !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		if calls := h.Called("mount "); len(calls) > 0 {
			t.Errorf("mounted after it was stopped: %v", calls)
		}
	})
}
