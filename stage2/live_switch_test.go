package stage2_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/stage2"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/engine"
	"github.com/molt-installer/molt/stage2/event"
	"github.com/molt-installer/molt/stage2/kickstart"
	"github.com/molt-installer/molt/stage2/payload"
	"github.com/molt-installer/molt/stage2/plan"
)

// switcher is a person who takes the packages from elsewhere, and then installs.
type switcher struct {
	sources []string
	refused []error
	plan    *plan.Plan
}

func (s *switcher) Emit(event.Event) {}
func (s *switcher) Close() error     { return nil }

func (s *switcher) Decide(ctx context.Context, d stage2.Dialog) (*plan.Plan, error) {
	for _, source := range s.sources {
		s.refused = append(s.refused, d.Source.Use(ctx, source))
	}
	a, diags := kickstart.Parse("x.ks", []byte(goodKickstart), kickstart.Options{})
	if err := diags.Err(); err != nil {
		return nil, err
	}
	a.Scripts = nil
	a.Mirrors = []config.Mirror{{Name: "own", URL: "http://example.org/debian"}}
	var err error
	s.plan, err = d.Build(ctx, a)
	return s.plan, err
}

func (s *switcher) Ask(context.Context, engine.Question) (engine.Choice, error) {
	return engine.Abort, nil
}

func (s *switcher) End(context.Context, error) (handoff.Action, error) { return handoff.Reboot, nil }

// TestSwitchSource: packages come from the server that was named last and has the set, no disc is asked for, and
// the one that the installer was started from is given back as soon as the installer is off it.
func TestSwitchSource(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, media.DiscInfoPath), []byte("s\nTiny 1\namd64\n1,2\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer web.Close()
	b := newBench(t, "", "console=ttyS0")
	var setups []stage2.Setup
	b.installer.Payload = func(_ context.Context, s stage2.Setup) (payload.Payload, error) {
		setups = append(setups, s)
		return small{}, nil
	}
	person := &switcher{sources: []string{web.URL, web.URL + "/nothing", "hd:LABEL=GONE"}}
	b.installer.Frontend = func(stage2.Setup) (stage2.Frontend, error) { return person, nil }
	if err := b.installer.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := person.refused; r[0] != nil || r[1] == nil || !strings.Contains(r[1].Error(), "there is no disc of a set") || r[2] == nil {
		t.Errorf("said %v", errors.Join(r...))
	}
	last := setups[len(setups)-1]
	if len(setups) != 3 || !last.Record.Medium.Whole || last.Root != "" || setups[0].Root == "" || len(last.Answers.Mirrors) != 1 {
		t.Errorf("the payload was made with %+v", setups)
	}
	var steps []string
	for _, s := range person.plan.Steps {
		steps = append(steps, s.ID())
	}
	given := slices.Index(steps, "release-start")
	if given < 0 || given < slices.Index(steps, plan.RelocateID) || given > slices.Index(steps, "fetch-1") || slices.Contains(steps, "release-1") {
		t.Errorf("the steps are %s", steps)
	}
	if person.plan.Place != web.URL {
		t.Errorf("all is at %q", person.plan.Place)
	}
	if got := b.host.Called("unmount " + handoff.Outside + "/molt/medium"); len(got) == 0 {
		t.Error("disc 1 was not given back")
	}
	if want := []string{"/dev/sr0"}; !slices.Equal(b.result(t).Eject, want) {
		t.Errorf("to be opened: %v", b.result(t).Eject)
	}
	if got := b.host.Called("look"); len(got) > 0 {
		t.Errorf("a disc was looked for: %v", got)
	}
}
