package tui

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molt-installer/molt/stage2/event"
)

// TestFlood: however much is told, the screen gets few batches, and in them
// all that counts.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got [][]event.Event
		f := newFeed(func(m eventsMsg) { got = append(got, m.events) })
		f.emit(event.Event{Type: event.Start, Step: "install"})
		for i := range 100_000 {
			f.emit(event.Event{Type: event.Log, Step: "install", Message: fmt.Sprint("line ", i)})
			f.emit(event.Event{Type: event.Progress, Step: "install", Progress: &event.Amount{Done: int64(i), Total: 100_000}})
			if i%10_000 == 0 {
				f.emit(event.Event{Type: event.Warning, Message: fmt.Sprint("warning ", i)})
				time.Sleep(10 * time.Millisecond) // of the bubble's time
			}
		}
		f.emit(event.Event{Type: event.Finish, Step: "install"})
		f.close()
		var all []event.Event
		for _, batch := range got {
			all = append(all, batch...)
		}
		warnings := 0
		for _, e := range all {
			if e.Type == event.Warning {
				warnings++
			}
		}
		last := all[len(all)-1]
		if len(got) > 20 || warnings != 10 || all[0].Type != event.Start || last.Type != event.Finish {
			t.Errorf("%d batches, %d warnings, from %s to %s", len(got), warnings, all[0].Type, last.Type)
		}
		told := map[event.Type]event.Event{}
		for _, e := range all {
			told[e.Type] = e
		}
		if told[event.Log].Message != "line 99999" || told[event.Progress].Progress.Done != 99_999 {
			t.Errorf("last came %v and %v", told[event.Log], told[event.Progress])
		}
		if len(all) > 50+len(got)*2*mostHeld {
			t.Errorf("%d events in %d batches", len(all), len(got))
		}
	})
}

// TestFeedNeverWaits: a screen that takes nothing holds nobody up, and what is
// kept for it has an end.
func TestFeedNeverWaits(t *testing.T) {
	release := make(chan struct{})
	var last event.Event
	f := newFeed(func(m eventsMsg) { <-release; last = m.events[len(m.events)-1] })
	for i := range 100_000 {
		f.emit(event.Event{Type: event.Log, Message: fmt.Sprint(i)})
	}
	f.mu.Lock()
	held := len(f.held)
	f.mu.Unlock()
	if held > 2*mostHeld {
		t.Errorf("%d lines are held", held)
	}
	close(release)
	f.close()
	if last.Message != "99999" {
		t.Errorf("the last line is %s", last.Message)
	}
}

// TestSoon: what a person waits for is not held up by progress.
func TestSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var at time.Duration
		f := newFeed(func(m eventsMsg) {
			if m.events[len(m.events)-1].Type == event.NeedDisc {
				at = time.Since(start)
			}
		})
		f.emit(event.Event{Type: event.Progress, Progress: &event.Amount{}})
		synctest.Wait()
		f.emit(event.Event{Type: event.Progress, Progress: &event.Amount{}})
		f.emit(event.Event{Type: event.NeedDisc})
		time.Sleep(time.Second)
		f.close()
		if at != soon {
			t.Errorf("shown after %v, want %v", at, soon)
		}
	})
}
