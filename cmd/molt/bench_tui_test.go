package main

import (
	"io"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/term"

	"github.com/molt-installer/molt/stage2/event"
)

// TestRecorded: the recording is a whole installation, and is cut into updates as the screens do.
func TestRecorded(t *testing.T) {
	events, err := readRecorded(filepath.Join("..", "..", recorded))
	if err != nil {
		t.Fatal(err)
	}
	if first, last := events[0].Type, events[len(events)-1].Type; first != event.Plan || last != event.Done || len(events) < 2000 {
		t.Errorf("%d events from %s to %s", len(events), first, last)
	}
	updates := 0
	for rest := events; len(rest) > 0; updates++ {
		n := nextUpdate(rest)
		if took := rest[n-1].Time.Sub(rest[0].Time); took >= updateTime {
			t.Errorf("an update of %v", took)
		}
		rest = rest[n:]
	}
	if whole := events[len(events)-1].Time.Sub(events[0].Time); updates < 100 || updates > int(whole/updateTime) {
		t.Errorf("%d updates in %v", updates, whole)
	}
}

// TestBenchLine: what is sent is counted, and a key's time is that of the last byte it makes.
func TestBenchLine(t *testing.T) {
	line, err := openPTY()
	if err != nil {
		t.Fatal(err)
	}
	defer line.close()
	if _, err := term.MakeRaw(int(line.tty.Fd())); err != nil { // without an echo
		t.Fatal(err)
	}
	const late = 10 * time.Millisecond
	go func() {
		if _, err := io.ReadFull(line.tty, make([]byte, 1)); err != nil {
			return
		}
		<-time.After(late)
		line.tty.WriteString("a screen")
	}()
	took, err := line.press(t.Context(), "x")
	if err != nil || took < late {
		t.Errorf("took %v, %v", took, err)
	}
}
