package stage1

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/molt-installer/molt/media"
)

// How long devices are waited for after the last one came. A person is asked
// sooner, because the search goes on by itself when a disc comes; a machine
// that installs itself gets time for slow busses and servers.
const (
	patience           = 10 * time.Second
	patienceUnattended = 60 * time.Second
)

// need is what a place is opened for.
type need struct {
	image    bool // of stage 2
	packages bool
}

// find gets the image and what holds the packages, waiting for devices to come
// and for servers to answer.
func (s *session) find(ctx context.Context) error {
	wait := newWaiting(s.opts.Unattended(), s.opts.WaitForNet)
	defer wait.stop()
	for {
		failure := s.search(ctx)
		if failure == nil {
			return nil
		}
		if err := s.closeMedium(ctx); err != nil {
			return errors.Join(failure, err)
		}
		if again, err := s.awaitChange(ctx, wait, failure); !again {
			return errors.Join(failure, err)
		}
	}
}

// persist tries until it works, as long as servers and the network may be late. Each try
// makes its failure anew.
func (s *session) persist(ctx context.Context, try func() *Failure) error {
	wait := newWaiting(true, s.opts.WaitForNet)
	defer wait.stop()
	for {
		f := try()
		if f == nil {
			return nil
		}
		if again, err := s.awaitChange(ctx, wait, f); !again {
			return errors.Join(f, err)
		}
	}
}

// waiting is how long a failure isn't told to anybody.
type waiting struct {
	patience time.Duration
	devices  *time.Timer // runs anew with every device that comes
	servers  time.Time   // until when they are asked again
	pause    time.Duration
}

func newWaiting(unattended bool, network time.Duration) *waiting {
	w := &waiting{patience: patience, pause: time.Second, servers: time.Now().Add(network)}
	if unattended {
		w.patience = patienceUnattended
		if network == 0 {
			w.servers = time.Now().Add(patienceUnattended)
		}
	}
	w.devices = time.NewTimer(w.patience)
	return w
}

func (w *waiting) stop() { w.devices.Stop() }

// retry fires when the servers are to be asked again; it never does when that
// makes no sense any more.
func (w *waiting) retry(f *Failure) <-chan time.Time {
	if !f.online || time.Now().After(w.servers) {
		return nil
	}
	defer func() { w.pause = min(2*w.pause, 15*time.Second) }()
	return time.After(w.pause)
}

// awaitChange returns true when it is worth looking again.
func (s *session) awaitChange(ctx context.Context, w *waiting, f *Failure) (bool, error) {
	retry := w.retry(f)
	if !f.waits && retry == nil {
		return false, nil
	}
	for {
		select {
		case <-s.devices.came:
			w.devices.Reset(w.patience)
		case <-s.devices.arrived:
			return true, nil
		case <-retry:
			return true, nil
		case <-w.devices.C:
			if retry == nil {
				return false, nil
			}
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

// search tries every place there is, once. On a failure nothing is left but
// what closeMedium takes back.
func (s *session) search(ctx context.Context) *Failure {
	s.note("looking for disc 1 of %s", s.build.Set.Name())
	if repo := s.askedRepo(); repo != "" {
		return s.searchAsked(ctx, repo)
	}
	if len(s.opts.Stage2) == 0 || len(s.opts.Repo) == 0 {
		named := append(s.opts.Stage2, s.opts.Repo...)
		failure := s.take(ctx, named, need{image: true, packages: true})
		if failure == nil && s.current.medium.URL == "" {
			return &Failure{What: "There are no packages at " + redacted(named) + ".",
				Hint: "That is the image of stage 2 alone. Say with inst.repo= where the packages are."}
		}
		return failure
	}
	failure := s.take(ctx, s.opts.Stage2, need{image: true})
	if failure == nil {
		failure = s.take(ctx, s.opts.Repo, need{packages: true})
	}
	return failure
}

func redacted(list []string) string {
	var names []string
	for _, name := range list {
		names = append(names, media.Redact(name))
	}
	return strings.Join(names, " ")
}

// take opens the first of the named sources that has what is needed; with none
// named, the first drive or disk.
func (s *session) take(ctx context.Context, named []string, n need) *Failure {
	set := s.build.Set
	f := &Failure{What: fmt.Sprintf("Disc 1 of %s was not found.", set.Name()), Hint: "Put it in; the search then goes on by itself.", waits: true}
	sources := f.parse(named)
	asked := false
	for _, src := range sources {
		var done bool
		switch {
		case src.URL != "" && asked: // with the first of them
			continue
		case src.URL != "":
			asked, done = true, s.takeServers(ctx, byURL(sources), n, f)
		case src.Remote():
			done = s.takeNFS(ctx, src, n, f)
		default:
			done = s.takePlace(ctx, src, n, f)
		}
		f.online = f.online || src.Remote()
		if done {
			return nil
		}
	}
	return f.inWords(set, len(named) > 0)
}

// parse reads sources; those that are none are failed attempts. Without any
// named it is the zero Source: anywhere.
func (f *Failure) parse(named []string) []media.Source {
	if len(named) == 0 {
		return []media.Source{{}}
	}
	var list []media.Source
	for _, name := range named {
		src, err := media.ParseSource(name)
		if err != nil {
			f.add(media.Redact(name), err)
			continue
		}
		list = append(list, src)
	}
	return list
}

// add notes an attempt, once.
func (f *Failure) add(where string, why error) {
	if a := (Attempt{where, why.Error()}); !slices.Contains(f.Tried, a) {
		f.Tried = append(f.Tried, a)
	}
}

// inWords completes the failure when all has been tried.
func (f *Failure) inWords(set media.Set, named bool) *Failure {
	if len(f.Tried) == 0 {
		f.Tried = []Attempt{{"the whole machine", "no drive and no disk that could be disc 1"}}
	}
	if f.online {
		f.waits = false // a card or cable that comes is noticed by the network itself
		f.What = fmt.Sprintf("%s can't be had from any source.", set.Name())
		f.Hint = "Set the source or the network by hand below, and try again."
	} else if named && !f.waits {
		f.What = fmt.Sprintf("Disc 1 of %s can't be used.", set.Name())
	}
	return f
}

// byURL are those of the sources that are read by URL: they are mirrors of each other.
func byURL(sources []media.Source) []media.Source {
	var list []media.Source
	for _, src := range sources {
		if src.URL != "" {
			list = append(list, src)
		}
	}
	return list
}
