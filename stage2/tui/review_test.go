package tui

import (
	"context"
	"testing"

	"github.com/molt-installer/molt/stage2/config"
)

// TestLateReview: who goes back while a plan is worked out, and changes the
// disk, must not be shown the plan for the one before.
func TestLateReview(t *testing.T) {
	var seen context.Context
	a := &ask{msg: askMsg{ctx: t.Context(), session: Session{Review: func(ctx context.Context, _ config.Answers) (Review, error) {
		seen = ctx
		return Review{Text: "plan"}, nil
	}}}, pages: screens(), draft: &draft{}}
	first, second := &review{ask: a}, &review{ask: a}
	late, mine := first.work(), second.work()
	first.back()
	msg := late()
	if seen.Err() == nil {
		t.Error("going back does not end the work")
	}
	if second.update(msg); second.got != nil {
		t.Error("the plan of the answers before is shown")
	}
	if second.update(mine()); !second.sound() {
		t.Error("its own plan is not shown")
	}
}
