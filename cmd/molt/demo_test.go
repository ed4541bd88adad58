package main

import (
	"strings"
	"testing"
	"time"

	"github.com/molt-installer/molt/stage2/event"
)

func TestStoryBreaksALongSilence(t *testing.T) {
	var out strings.Builder
	s := &story{out: &out, began: time.Now()}
	s.tell(event.Event{Type: event.Plan, Steps: []event.StepInfo{{ID: "install", Title: "Install 285 packages"}}})
	s.tell(event.Event{Type: event.Start, Step: "install"})
	progress := event.Event{Type: event.Progress, Step: "install", Progress: &event.Amount{Done: 142, Total: 285, Unit: "packages"}}
	s.tell(progress)
	if n := strings.Count(out.String(), "\n"); n != 1 {
		t.Errorf("%d lines at once, want 1:\n%s", n, out.String())
	}
	s.said = time.Now().Add(-quiet)
	s.tell(progress)
	if !strings.HasSuffix(out.String(), "Install 285 packages: 49 %\n") {
		t.Errorf("after a silence: %q", out.String())
	}
}
