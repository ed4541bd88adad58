package stage1

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/molt-installer/molt/internal/handoff"
)

const (
	stage2Program = "/usr/lib/molt/stage2"
	tailLines     = 20                     // of a crashed stage 2
	lastWords     = 500 * time.Millisecond // for output still on its way when stage 2 has ended
	// endTime is what stage 2 gets for an orderly end: it ends the program it
	// waits for, dpkg for one (5 s, internal/linuxhost), runs %onerror and undoes its
	// steps (3 minutes for both, stage2/engine), and has its last words written (3 s a
	// console). One that takes longer hangs.
	endTime = 4 * time.Minute
	// killTime is what the kernel gets to end it. A program that waits for a broken
	// drive goes when the drive answers.
	killTime = 10 * time.Second
)

// supervise runs stage 2 to its end and returns what it asks for. A stage 2
// that leaves no result has crashed; its last words are in the Failure.
func (s *session) supervise(ctx context.Context) (*handoff.Result, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	s.note("starting stage 2 on %s", s.fixed.Console)
	p, err := s.Start(s.stage2(w))
	w.Close()
	if err != nil {
		return nil, fmt.Errorf("start stage 2: %w", err)
	}
	defer s.leaveUnread(ctx)()
	tail := s.listen(r)
	how, asked := s.await(ctx, p)
	_ = r.SetReadDeadline(time.Now().Add(lastWords))
	lines := tail()
	s.con.Restore()
	s.note("stage 2 ended: %s", cmp.Or(how, fine))
	result, err := handoff.ReadResult(s.dirs.result)
	switch {
	case err == nil:
		return result, nil
	case asked && errors.Is(err, os.ErrNotExist):
		return &handoff.Result{Action: handoff.Reboot}, nil
	}
	return nil, crash(how, err, lines)
}

func (s *session) stage2(stderr *os.File) program {
	return program{
		path: stage2Program, args: []string{stage2Program}, root: s.dirs.root, tty: s.fixed.Console, error: stderr,
		env: []string{
			"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
			"HOME=/root", "LANG=C.UTF-8", "TERM=" + termType(s.fixed.Console),
		},
	}
}

// await waits for the end of p. Ctrl-Alt-Del asks it to end.
func (s *session) await(ctx context.Context, p process) (how string, asked bool) {
	ended := make(chan string, 1)
	go func() { ended <- p.Wait() }()
	select {
	case how = <-ended:
		return how, false
	case <-s.ended:
		s.note("asked to end")
		return s.stop(p, ended), true
	case <-ctx.Done():
		return s.stop(p, ended), false
	}
}

// stop asks p to end, and ends it when it doesn't. Tearing down copes with one
// that not even that ends.
func (s *session) stop(p process, ended <-chan string) (how string) {
	p.Terminate()
	select {
	case how = <-ended:
		return how
	case <-time.After(endTime):
	}
	s.say("Stage 2 hasn't ended in the %v since it was asked to; it is killed.", endTime)
	p.Kill()
	select {
	case how = <-ended:
		return how
	case <-time.After(killTime):
		return "it hangs in the kernel"
	}
}

// listen passes on what stage 2 writes to its standard error, and returns a
// function that waits for its end and gives the last lines.
func (s *session) listen(r io.Reader) func() []string {
	var lines []string
	var wg sync.WaitGroup
	wg.Go(func() {
		in := bufio.NewReader(r)
		for {
			line, err := in.ReadString('\n')
			if line = strings.TrimRight(line, "\r\n"); line != "" {
				lines = append(lines, line)
				lines = lines[max(0, len(lines)-tailLines):]
				s.note("stage 2: %s", line)
				fmt.Fprintf(s.con, "%s\r\n", line)
			}
			if err != nil {
				return
			}
		}
	})
	return func() []string { wg.Wait(); return lines }
}

// fine is an end of which there is nothing to say.
const fine = "exit status 0"

func crash(how string, err error, lines []string) error {
	f := &Failure{What: "Stage 2 ended without a result: " + cmp.Or(how, fine) + ".",
		Hint: "Retry starts it again; the log has more."}
	if !errors.Is(err, os.ErrNotExist) {
		f.What = fmt.Sprintf("The result of stage 2 can't be read (it ended with: %s).", cmp.Or(how, fine))
		f.Tried = []Attempt{{handoff.ResultPath, err.Error()}}
	}
	if len(lines) > 0 {
		f.What += "\nIts last lines:\n  " + strings.Join(lines, "\n  ")
	}
	return f
}
