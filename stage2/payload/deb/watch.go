package deb

import (
	"bytes"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/molt-installer/molt/stage2/payload"
)

// watcher follows dpkg, directly or through apt: how far it is, and whose
// output it prints.
type watcher struct {
	mu       sync.Mutex
	progress payload.Progress
	total    int // packages
	from, to int // what the running program is about, of total
	done     map[string]bool

	section []string // output since the package being worked on was named
	failed  string
	reason  string
	tail    []string
}

// maxTail is how much of a package's output is kept.
const maxTail = 20

func newWatcher(p payload.Progress, total int) *watcher {
	return &watcher{progress: p, total: total, to: total, done: map[string]bool{}}
}

// span says that the next program installs n packages, and the one after it the rest.
func (w *watcher) span(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.from, w.to = 0, n
}

// status takes a line of a status file descriptor: dpkg's, "status: libc6:amd64: installed"
// (dpkg(1), --status-fd), or apt's, "pmstatus:libc6:43.5:Configuring libc6".
func (w *watcher) status(line string) {
	kind, rest, _ := strings.Cut(line, ":")
	switch kind {
	case "status":
		w.dpkgStatus(strings.TrimSpace(rest))
	case "pmstatus":
		w.aptStatus(rest)
	}
}

func (w *watcher) dpkgStatus(rest string) {
	i := strings.LastIndex(rest, ": ")
	if i < 0 {
		return
	}
	name, state := strings.TrimSpace(rest[:i]), rest[i+2:]
	if state != "unpacked" && state != "installed" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done[name+" "+state] = true
	name, _, _ = strings.Cut(name, ":")
	w.progress.Advance(int64(min(w.from+len(w.done)/2, w.to)), int64(w.total), "packages", name)
}

func (w *watcher) aptStatus(rest string) {
	fields := strings.SplitN(rest, ":", 3)
	if len(fields) < 3 {
		return
	}
	percent, err := strconv.ParseFloat(fields[1], 64)
	if err != nil || !(percent >= 0 && percent <= 100) {
		return
	}
	name := fields[0]
	if name == "dpkg-exec" {
		name = ""
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.to < w.total { // the program after the one span was about
		w.from, w.to = w.to, w.total
	}
	done := w.from + int(percent*float64(w.to-w.from)/100)
	w.progress.Advance(int64(done), int64(w.total), "packages", name)
}

// begins matches the lines with which dpkg turns to another package, errs the
// ones with which it gives one up; the reason is on the next line.
const (
	begins = `^(?:Setting up|Unpacking|Processing triggers for|Preparing to unpack|Removing) (\S+)`
	errs   = `^dpkg: error processing (?:package|archive) (\S+) \(-.*\):$`
)

var (
	beginsRE = regexp.MustCompile(begins)
	errsRE   = regexp.MustCompile(errs)
)

// output takes a line of what dpkg and the maintainer scripts print.
func (w *watcher) output(line string) {
	w.progress.Line(line)
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.failed != "" && w.reason == "":
		w.reason = strings.TrimSpace(line)
	case w.failed != "":
	case errsRE.MatchString(line):
		w.failed = packageName(errsRE.FindStringSubmatch(line)[1])
		w.tail = w.section
	case beginsRE.MatchString(line):
		w.section = nil
	default:
		w.section = append(w.section, line)
		if len(w.section) > maxTail {
			w.section = w.section[1:]
		}
	}
}

// packageName takes the architecture off a name, or the name out of a file name.
func packageName(s string) string {
	s = strings.TrimSuffix(s, ".deb")
	name, _, _ := strings.Cut(path.Base(s), "_")
	name, _, _ = strings.Cut(name, ":")
	return name
}

// explain turns the failure of the program into that of a package.
func (w *watcher) explain(err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed == "" {
		return err
	}
	return &PackageError{Package: w.failed, Reason: w.reason, Tail: w.tail}
}

// lineWriter cuts what is written into lines.
type lineWriter struct {
	line func(string)
	rest []byte
}

func (l *lineWriter) Write(b []byte) (int, error) {
	l.rest = append(l.rest, b...)
	for {
		i := bytes.IndexByte(l.rest, '\n')
		if i < 0 {
			return len(b), nil
		}
		l.line(string(l.rest[:i]))
		l.rest = l.rest[i+1:]
	}
}
