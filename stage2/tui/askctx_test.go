package tui

import (
	"testing"

	"github.com/molt-installer/molt/stage2/config"
)

// TestAskCallsOff: when the questions are over, so is what was begun for them.
func TestAskCallsOff(t *testing.T) {
	u := &UI{hub: &hub{in: newInbox(), closed: make(chan struct{})}, gone: make(chan struct{})}
	u.feed = newFeed(func(eventsMsg) {})
	defer u.feed.close()
	close(u.gone)
	if _, err := u.Ask(t.Context(), testState(testFacts(), config.Answers{})); err == nil {
		t.Fatal("answered by nobody")
	}
	asked := false
	for _, msg := range u.hub.in.take() {
		if a, ok := msg.(askMsg); ok {
			asked = true
			if a.ctx.Err() == nil {
				t.Error("what was begun goes on")
			}
		}
	}
	if !asked {
		t.Error("nothing was asked")
	}
}
