package stage1

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/molt-installer/molt/internal/syslog"
)

// journal is the log of stage 1: every line with the seconds since power-on, in
// a file that stage 2 copies to the installed system. What a person should see
// goes to the consoles too.
type journal struct {
	mu    sync.Mutex
	file  io.Writer
	conMu sync.Mutex // of its own: a slow console doesn't hold the log up
	con   io.Writer
	lines []string
	far   *syslog.Sender // nil: none
}

func openJournal(path string, con io.Writer) *journal {
	j := &journal{file: io.Discard, con: con}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return j
	}
	if f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600); err == nil {
		j.file = f
	}
	return j
}

// say tells a person and the log.
func (j *journal) say(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	j.note("%s", text)
	j.show("%s\n", text)
}

// show writes to the consoles; what the servers' goroutines say comes at any time.
func (j *journal) show(format string, args ...any) {
	j.conMu.Lock()
	defer j.conMu.Unlock()
	fmt.Fprintf(j.con, format, args...)
}

// note tells the log alone.
func (j *journal) note(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for line := range strings.SplitSeq(strings.TrimRight(fmt.Sprintf(format, args...), "\n"), "\n") {
		line = fmt.Sprintf("[%8.2f] %s", uptime().Seconds(), line)
		j.lines = append(j.lines, line)
		fmt.Fprintln(j.file, line)
		if j.far != nil {
			j.far.Send(time.Now(), syslog.Info, "", line)
		}
	}
}

// sendTo sends the log to a server too, from its first line on.
func (j *journal) sendTo(t syslog.Target) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.far != nil {
		return
	}
	j.far = syslog.New(t, "molt-stage1")
	for _, line := range j.lines {
		j.far.Send(time.Now(), syslog.Info, "", line)
	}
}

// text is the whole log.
func (j *journal) text() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(j.lines, "\n") + "\n"
}

// progress shows how far something is, on one line of the consoles.
func (j *journal) progress(what string, done, total int64) {
	end := ""
	if done >= total {
		end = "\n"
	}
	j.show("\r%s: %3d %%%s", what, 100*done/max(total, 1), end)
}

func (s *session) say(format string, args ...any)  { s.log.say(format, args...) }
func (s *session) note(format string, args ...any) { s.log.note(format, args...) }

// uptime is the time since the kernel started (/proc/uptime).
func uptime() time.Duration {
	data, err := os.ReadFile("/proc/uptime")
	if err != nil {
		return 0
	}
	d, err := time.ParseDuration(strings.SplitN(string(data), " ", 2)[0] + "s")
	if err != nil {
		return 0
	}
	return d
}
