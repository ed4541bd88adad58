// Package hosttest is a host.Host without a machine: files in memory, commands
// that answer from a script, drives with scripted discs. It records every call
// as a readable line and can make any one of them fail, so that a plan can be
// run with each of its calls failing in turn.
//
// It is not a simulator: a command does nothing but what its Reply says, and a
// mount does not hide what is below it.
//
//	h := hosttest.New()
//	h.AddFile("/molt/medium/images/stage2.img", "image")
//	h.AddDrive("/dev/sr0", hosttest.Disc(set, 1))
//	h.Insert("/dev/sr0", hosttest.Disc(set, 2)) // at the next Await
//	h.Answer(hosttest.Reply{Stdout: "…"}, "blkid", "-o", "export")
//	h.FailAt(7, io.ErrUnexpectedEOF)
//	…
//	cmp.Diff(want, h.Calls())
package hosttest

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/molt-installer/molt/stage2/host"
)

// Host is a host.Host in memory. It may be used from several goroutines.
type Host struct {
	mu      sync.Mutex
	calls   []string
	writes  []string
	failAt  int
	failErr error
	rules   []*rule
	files   map[string]*file
	free    map[string]int64
	mounts  []host.Mount
	answers []*answer
	drives  []*drive
	inserts []insert
	backing map[string]string
}

var _ host.Host = (*Host)(nil)

// rule makes calls with a prefix fail, a number of times.
type rule struct {
	prefix string
	err    error
	times  int
}

// New returns a machine with an empty root directory and nothing else.
func New() *Host {
	h := &Host{files: map[string]*file{}, free: map[string]int64{}, backing: map[string]string{}}
	h.files["/"] = &file{name: "/", mode: dirMode}
	return h
}

// FailAt makes the n-th call from now on, counted from 1, do nothing and return err.
func (h *Host) FailAt(n int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failAt, h.failErr = len(h.calls)+n, err
}

// FailOn makes the next times calls whose line in Calls starts with prefix
// fail with err, before they do anything.
func (h *Host) FailOn(prefix string, times int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rules = append(h.rules, &rule{prefix, err, times})
}

// Calls are all calls so far, one line each, in order: "mount /dev/vda2 on
// /target type ext4". Standard input is never in one.
func (h *Host) Calls() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.calls)
}

// Called are the calls whose line starts with prefix.
func (h *Host) Called(prefix string) []string {
	var found []string
	for _, c := range h.Calls() {
		if strings.HasPrefix(c, prefix) {
			found = append(found, c)
		}
	}
	return found
}

// Writes are the devices that were written: by a partition table, a wipe, a
// program that makes a file system or a boot sector, or mounting for writing.
// Each is named once, in the order of its first writing.
func (h *Host) Writes() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.writes)
}

// call records a call and says whether it has to fail.
func (h *Host) call(format string, args ...any) error {
	line := fmt.Sprintf(format, args...)
	h.calls = append(h.calls, line)
	if len(h.calls) == h.failAt {
		return h.failErr
	}
	for _, r := range h.rules {
		if r.times > 0 && strings.HasPrefix(line, r.prefix) {
			r.times--
			return r.err
		}
	}
	return nil
}

// wrote notes that a device was written.
func (h *Host) wrote(device string) {
	if !slices.Contains(h.writes, device) {
		h.writes = append(h.writes, device)
	}
}
