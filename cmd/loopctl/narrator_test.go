package main

import (
	"bytes"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"
	"github.com/hinshun/vt10x"

	"github.com/molt-installer/molt/cmd/loopctl/internal/cli"
	"github.com/molt-installer/molt/loopctl"
)

// told is what a narrator writes of a switch that takes known times.
func told(width int) string {
	var b bytes.Buffer
	var c change
	now := time.Unix(0, 0)
	n := newNarrator(&b, c.words("/dev/loop3", "copy.img"))
	n.now = func() time.Time { return now }
	if width > 0 {
		n.width = func() int { return width }
	}
	for _, step := range []struct {
		after       time.Duration
		stage       string
		done, total int64
	}{
		{0, stageLook, 0, 0},
		{0, loopctl.StageSync, 0, 0},
		{300 * time.Millisecond, loopctl.StageVerify, 0, 256 << 20},
		{10 * time.Millisecond, loopctl.StageVerify, 1 << 20, 256 << 20}, // too soon to be drawn
		{990 * time.Millisecond, loopctl.StageVerify, 64 << 20, 256 << 20},
		{3 * time.Second, loopctl.StageVerify, 256 << 20, 256 << 20},
		{500 * time.Millisecond, loopctl.StageSwitch, 0, 12},
		{6 * time.Second, loopctl.StageSwitch, 0, 1},
		{time.Second, loopctl.StageCheck, 0, 256 << 20},
	} {
		now = now.Add(step.after)
		n.tell(step.stage, step.done, step.total)
	}
	now = now.Add(2 * time.Second)
	n.end(io.ErrUnexpectedEOF)
	return b.String()
}

func TestNarratorWithoutTerminal(t *testing.T) {
	want := `checking whether /dev/loop3 can be switched
writing copy.img out
comparing copy.img with /dev/loop3 (256 MiB)
waiting for 12 outstanding reads
waiting for 1 outstanding read
reading /dev/loop3 back (256 MiB)
`
	if diff := cmp.Diff(want, told(0)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestNarratorOnTerminal(t *testing.T) {
	want := `checking whether /dev/loop3 can be switched
checking whether /dev/loop3 can be switched
writing copy.img out
writing copy.img out: 0.3 s
comparing copy.img with /dev/loop3 [------------]   0%       0 B of 256 MiB      - MiB/s  -:-- left
comparing copy.img with /dev/loop3 [###---------]  25%    64 MiB of 256 MiB     64 MiB/s  0:03 left
comparing copy.img with /dev/loop3 [############] 100%   256 MiB of 256 MiB     64 MiB/s  0:00 left
comparing copy.img with /dev/loop3: 256 MiB in 4.5 s, 57 MiB/s
waiting for 12 outstanding reads
waiting for 1 outstanding read, 6.0 s
waiting for 1 outstanding read: 7.0 s
reading /dev/loop3 back [-----------------------]   0%       0 B of 256 MiB      - MiB/s  -:-- left
reading /dev/loop3 back: stopped after 2.0 s
`
	got := regexp.MustCompile(`\n?\r\x1b\[K`).ReplaceAllString(told(100), "\n")
	if diff := cmp.Diff(want, strings.TrimPrefix(got, "\n")); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for _, width := range []int{1, 20, 40, 60, 79} {
		for line := range strings.SplitSeq(regexp.MustCompile(`\n?\r\x1b\[K`).ReplaceAllString(told(width), "\n"), "\n") {
			if len(line) > width {
				t.Errorf("width %d: %q", width, line)
			}
		}
	}
}

// TestOnTerminal: a real switch, and what a terminal shows of it while it goes on
// and afterwards.
func TestOnTerminal(t *testing.T) {
	from := file(t, "from", 32<<20)
	dev, to := attached(t, "-r", from), file(t, "to", 32<<20)
	far, near, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	if err := pty.Setsize(near, &pty.Winsize{Rows: 24, Cols: 200}); err != nil {
		t.Fatal(err)
	}
	raw, read := &transcript{}, make(chan struct{})
	screen := vt10x.New(vt10x.WithSize(200, 24))
	go func() {
		io.Copy(io.MultiWriter(raw, screen), far) // ends with EIO when the other end is closed
		close(read)
	}()
	code := run(t.Context(), []string{"switch", dev, to}, cli.Streams{Out: near, Err: near})
	near.Close()
	<-read
	if code != 0 {
		t.Fatal(raw)
	}
	if !regexp.MustCompile(`comparing \S+ with /dev/loop\d+ \[[#-]+\] +\d+%  .* of 32 MiB +[\d-]+ MiB/s  .* left`).MatchString(raw.String()) {
		t.Errorf("no bar: %q", raw)
	}
	want := regexp.MustCompile(`^checking whether DEV can be switched
writing TO out(: [\d.]+ s)?
comparing TO with DEV: 32 MiB in [\d.]+ s, \d+ MiB/s
(waiting for \d+ outstanding reads?(: [\d.]+ s)?
)?reading DEV back: 32 MiB in [\d.]+ s, \d+ MiB/s
DEV serves from TO now, not from FROM
33554432 bytes, SHA-256 [0-9a-f]{64}
switched in .*, written out in .*, proved in .*, read back in .*
$`)
	var lines []string
	for line := range strings.Lines(screen.String()) {
		if line = strings.TrimRight(line, " \n"); line != "" {
			lines = append(lines, line+"\n")
		}
	}
	got := strings.NewReplacer(dev, "DEV", to, "TO", from, "FROM").Replace(strings.Join(lines, ""))
	if !want.MatchString(got) {
		t.Errorf("screen:\n%s", got)
	}
}
