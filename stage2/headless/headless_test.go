package headless_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/stage2/event"
	"github.com/molt-installer/molt/stage2/headless"
)

func story() []event.Event {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	events := []event.Event{
		{Type: event.Plan, Message: "Debian 13", Steps: []event.StepInfo{{ID: "relocate", Title: "Copy the installer", Weight: 10}, {ID: "fetch-2", Title: "Copy packages from disc 2", Weight: 10}}},
		{Type: event.Start, Step: "relocate"},
		{Type: event.Progress, Step: "relocate", Progress: &event.Amount{Done: 1 << 20, Total: 4 << 20, Unit: "bytes"}},
		{Type: event.Progress, Step: "relocate", Progress: &event.Amount{Done: 3 << 20, Total: 4 << 20, Unit: "bytes"}},
		{Type: event.Finish, Step: "relocate", Seconds: 2, Switch: &event.SwitchInfo{Device: "/dev/loop0", New: "/target/.molt/stage2.img", Bytes: 4 << 20, SHA256: "ab", CopyMS: 1500, SwitchMS: 15, VerifyMS: 300}},
		{Type: event.Start, Step: "fetch-2"},
		{Type: event.NeedDisc, Step: "fetch-2", Message: "Insert disc 2 of Debian 13 into /dev/sr0", Discs: &event.DiscInfo{Wanted: 2, Drives: []string{"/dev/sr0"}}},
		{Type: event.Disc, Step: "fetch-2", Discs: &event.DiscInfo{Wanted: 2, Drive: "/dev/sr0", Found: "disc 1 of Debian 13"}},
		{Type: event.NeedDisc, Step: "fetch-2", Message: "Insert disc 2 of Debian 13 into /dev/sr0", Discs: &event.DiscInfo{Wanted: 2, Drive: "/dev/sr0", Found: "disc 1 of Debian 13"}},
		{Type: event.Disc, Step: "fetch-2", Discs: &event.DiscInfo{Wanted: 2, Drive: "/dev/sr0", OK: true}},
		{Type: event.Log, Step: "fetch-2", Message: "a tool's output"},
		{Type: event.Warning, Step: "fetch-2", Message: "mind this"},
		{Type: event.Finish, Step: "fetch-2", Err: "no more"},
		{Type: event.Error, Step: "fetch-2", Message: "Copy packages from disc 2", Err: "no more"},
		{Type: event.Failed, Step: "fetch-2", Err: "fetch-2: no more"},
	}
	for i := range events {
		events[i].Time = at.Add(time.Duration(i) * time.Second)
	}
	return events
}

const plainStory = `Installing Debian 13 in 2 steps
[ 1/2] Copy the installer
        25% of 4 MiB  (in all 12%)
        75% of 4 MiB  (in all 38%, about 5s left)
The installer has shed its disc: /dev/loop0 now runs from /target/.molt/stage2.img
  (4 MiB copied in 1.5 s, switched in 15.0 ms, verified in 0.3 s,
  SHA-256 ab)
[ 2/2] Copy packages from disc 2
` + "\a" + `
+------------------------------------------+
| Insert disc 2 of Debian 13 into /dev/sr0 |
| The installation then goes on by itself. |
+------------------------------------------+
Not disc 2 in /dev/sr0: disc 1 of Debian 13
` + "\a" + `
+------------------------------------------+
| Insert disc 2 of Debian 13 into /dev/sr0 |
| In /dev/sr0 was disc 1 of Debian 13.     |
| The installation then goes on by itself. |
+------------------------------------------+
Disc 2 is in /dev/sr0
WARNING: mind this
[ 2/2] Copy packages from disc 2: FAILED
ERROR: Copy packages from disc 2: no more
` + "\a" + `FAILED: fetch-2: no more
`

func play(s event.Sink) {
	for _, e := range story() {
		s.Emit(e)
	}
}

func TestPlainText(t *testing.T) {
	var b bytes.Buffer
	play(headless.Text(&b, headless.TextOptions{}))
	if diff := cmp.Diff(plainStory, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestTerminal: nothing drawn in place is wider than a console, and the last
// word is on a line of its own.
func TestTerminal(t *testing.T) {
	var b bytes.Buffer
	play(headless.Text(&b, headless.TextOptions{Terminal: true}))
	for _, part := range strings.FieldsFunc(b.String(), func(r rune) bool { return r == '\r' || r == '\n' }) {
		if len(part) > 100 && !strings.Contains(part, "shed") {
			t.Errorf("too wide: %q", part)
		}
	}
	if !strings.HasSuffix(b.String(), "\n\aFAILED: fetch-2: no more\n") {
		t.Errorf("ends with %q", b.String()[b.Len()-60:])
	}
}

func TestLogHasTimesAndOutput(t *testing.T) {
	var b bytes.Buffer
	play(headless.Text(&b, headless.TextOptions{Log: true}))
	if !strings.Contains(b.String(), "03:04:15.000   | a tool's output\n") {
		t.Errorf("the log is\n%s", b.String())
	}
}

func TestLines(t *testing.T) {
	var b bytes.Buffer
	play(headless.Lines(&b))
	var back []event.Event
	for line := range strings.Lines(b.String()) {
		var e event.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		back = append(back, e)
	}
	if diff := cmp.Diff(story(), back); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	path := filepath.Join(dir, "events.jsonl")
	l := headless.NewLate(path)
	l.Write([]byte("one\n"))
	if _, err := os.Stat(dir); err == nil {
		t.Fatal("it made the directory")
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	l.Write([]byte("two\n"))
	l.Write([]byte("three\n"))
	if data, err := os.ReadFile(path); err != nil || string(data) != "one\ntwo\nthree\n" {
		t.Errorf("the file has %q, %v", data, err)
	}
}

// stuck is a port that nobody reads.
type stuck struct{ release chan struct{} }

func (s stuck) Write(p []byte) (int, error) { <-s.release; return len(p), nil }

func TestQueueNeverWaits(t *testing.T) {
	s := stuck{make(chan struct{})}
	defer close(s.release)
	q := headless.NewQueue(s)
	for range 1000 {
		q.Write([]byte("line\n"))
	}
	q.Close(time.Millisecond)
}

func TestQueueKeepsTheOrder(t *testing.T) {
	var b bytes.Buffer
	q := headless.NewQueue(&b)
	want := ""
	for _, s := range []string{"a", "b", "c", "d"} {
		q.Write([]byte(s))
		want += s
	}
	q.Close(time.Minute)
	if b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}

func TestBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run", "molt.log")
	b := headless.NewBounded(path, 1000)
	defer b.Close()
	for i := range 200 {
		fmt.Fprintf(b, "line %3d\n", i)
	}
	old, err1 := os.ReadFile(path + ".1")
	now, err2 := os.ReadFile(path)
	if err1 != nil || err2 != nil || len(old)+len(now) > 1000 {
		t.Fatalf("%d and %d bytes, %v, %v", len(old), len(now), err1, err2)
	}
	if all := string(old) + string(now); !strings.HasSuffix(all, "line 198\nline 199\n") || strings.Count(all, "\n") < 55 {
		t.Errorf("it has %q", all)
	}
	fmt.Fprintln(headless.NewBounded(path, 1000), "another try")
	if old, err := os.ReadFile(path + ".1"); err != nil || string(old) != string(now) {
		t.Errorf("of the try before: %q, %v", old, err)
	}
}
