package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/molt-installer/molt/loopctl/failover"
)

// event is what serve tells of: a line for people, or of JSON.
type event struct {
	Event  string           `json:"event"` // ready, down, up, failed, stopping, busy, ended, warning
	Time   time.Time        `json:"time"`
	Path   string           `json:"path,omitempty"`
	Device string           `json:"device,omitempty"`
	Size   int64            `json:"size,omitempty"`
	Source *failover.Health `json:"source,omitempty"`
	Text   string           `json:"text,omitempty"`
	Users  []string         `json:"users,omitempty"`
}

// journal writes events. For people the result, what can be used now, goes to out and
// everything else to err; JSON goes to out, one object in a line.
type journal struct {
	mu       sync.Mutex
	out, err io.Writer
	json     bool
	lastFail time.Time
	unsaid   int // failed reads since
}

func (j *journal) write(e event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.put(e)
}

func (j *journal) put(e event) {
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	if j.json {
		_ = json.NewEncoder(j.out).Encode(e) // nobody listens any more: that is no reason to stop
		return
	}
	if e.Event != "ready" {
		fmt.Fprintln(j.err, e)
		return
	}
	if e.Device != "" {
		e.Path = e.Device
	}
	fmt.Fprintln(j.out, e.Path)
}

// String says it in words.
func (e event) String() string {
	switch e.Event {
	case "down":
		return fmt.Sprintf("%s: down: %s", e.Source.Source, e.Source.Reason)
	case "up":
		return e.Source.Source + ": well again"
	case "stopping":
		return "stopping"
	case "busy":
		return "still in use, and served until it is free (a second signal ends it now, and reads fail):\n  " + strings.Join(e.Users, "\n  ")
	case "ended":
		return "ended"
	}
	return e.Event + ": " + e.Text
}

func (j *journal) warn(err error) { j.write(event{Event: "warning", Text: err.Error()}) }

// source tells of a source's going down and coming back.
func (j *journal) source(e failover.Event) {
	name := "down"
	if e.Up {
		name = "up"
	}
	j.write(event{Event: name, Time: e.Time, Source: &e.Health})
}

// failed tells of a read that was answered with EIO, once a second.
func (j *journal) failed(_ int64, _ int, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.unsaid++
	if time.Since(j.lastFail) < time.Second {
		return
	}
	j.put(event{Event: "failed", Text: fmt.Sprintf("%d reads since the last such line; %v", j.unsaid, err)})
	j.lastFail, j.unsaid = time.Now(), 0
}
