package event

import (
	"testing"
	"time"
)

func TestTracker(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	var tr Tracker
	feed := func(e Event, want float64) {
		t.Helper()
		tr.Take(e)
		if got := tr.Fraction(); got < want-0.001 || got > want+0.001 {
			t.Errorf("after %s %s: fraction %.3f, want %.3f", e.Type, e.Step, got, want)
		}
	}
	feed(Event{Type: Plan, Time: at(0), Steps: []StepInfo{{ID: "a", Weight: 10}, {ID: "b", Weight: 30}}}, 0)
	feed(Event{Type: Start, Step: "a", Time: at(0)}, 0)
	feed(Event{Type: Progress, Step: "a", Time: at(5), Progress: &Amount{Done: 1, Total: 2}}, 0.125)
	feed(Event{Type: NeedDisc, Step: "a", Time: at(10), Discs: &DiscInfo{Wanted: 2}}, 0.125)
	if _, ok := tr.Left(); ok {
		t.Error("a time left is claimed while a disc is waited for")
	}
	feed(Event{Type: Disc, Step: "a", Time: at(110), Discs: &DiscInfo{Wanted: 2, OK: true}}, 0.125)
	feed(Event{Type: Finish, Step: "a", Time: at(110)}, 0.25)
	if left, ok := tr.Left(); !ok || left != 30*time.Second {
		t.Errorf("left %v, %v; want 30s: 10 s of work for a quarter, the 100 s of waiting don't count", left, ok)
	}
	feed(Event{Type: Start, Step: "b", Time: at(110)}, 0.25)
	feed(Event{Type: Finish, Step: "b", Time: at(120), Err: "failed"}, 0.25)
	feed(Event{Type: Start, Step: "b", Time: at(120)}, 0.25)
	feed(Event{Type: Finish, Step: "b", Time: at(140)}, 0.999)
	feed(Event{Type: Done, Time: at(141)}, 1)
}
