package stage1

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/internal/network"
	"github.com/molt-installer/molt/internal/nfs"
	"github.com/molt-installer/molt/internal/syslog"
	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/media/fetch"
)

// uplink brings the network up. Its meaning is package network's.
type uplink interface {
	Up(ctx context.Context, c network.Config) (*handoff.Network, error)
	Down()
}

// servers opens what is at a server.
type servers interface {
	Open(ctx context.Context, src media.Source, o fetch.Options) (fetch.Tree, error)
}

// kernelServers is the real servers.
type kernelServers struct{}

func (kernelServers) Open(ctx context.Context, src media.Source, o fetch.Options) (fetch.Tree, error) {
	return fetch.Open(ctx, src, o)
}

// online brings the network up, unless it is up already. Each interface that isn't
// usable is a failed attempt.
func (s *session) online(ctx context.Context, sources []media.Source, f *Failure) bool {
	if s.network != nil && s.proves(ctx, sources) {
		return true
	}
	s.say("Bringing the network up")
	s.network = nil
	var hosts []string
	for _, src := range sources {
		hosts = append(hosts, hostOf(src))
	}
	c := network.Config{Options: s.opts, Hosts: hosts, Tell: func(state network.State) { s.say("Network: %s", state) }}
	if len(sources) > 0 {
		known := map[string]string{}
		c.First = func(ctx context.Context) error { return s.firstByte(ctx, sources, known) }
	}
	got, err := s.Up(ctx, c)
	if err == nil {
		s.network = got
		s.logFar()
		return true
	}
	var states *network.Error
	if !errors.As(err, &states) || len(states.States) == 0 {
		f.add("the network", err)
		return false
	}
	for _, state := range states.States {
		var silent silence
		if !errors.As(state.Reason, &silent) {
			f.add(state.Interface, errors.New(strings.TrimPrefix(state.String(), state.Interface+": ")))
			continue
		}
		f.add(state.Interface, fmt.Errorf("up (%s), but no source answers", state.Detail))
		for _, a := range silent {
			f.add(a.Where, errors.New(a.Why))
		}
	}
	return false
}

// reachable brings the network up for those who want it though nothing is read over
// it: who logs in (inst.sshd), and the server of the log (inst.syslog=). Without one
// the installation goes on.
func (s *session) reachable(ctx context.Context) {
	if s.network != nil || !s.opts.SSHD && s.opts.Syslog == "" {
		return
	}
	f := &Failure{What: "There is no network for inst.sshd and inst.syslog=. The installation goes on without it."}
	if !s.online(ctx, nil, f) {
		s.say("%v", f)
	}
}

// proves reports whether the network that is up will do. After another source was
// named that is so if it answers: it can be behind another card.
func (s *session) proves(ctx context.Context, sources []media.Source) bool {
	if !s.unproven {
		return true
	}
	s.unproven = false
	ctx, cancel := context.WithTimeout(ctx, serverPatience)
	defer cancel()
	err := s.firstByte(ctx, sources, map[string]string{})
	if err != nil {
		s.note("by the network that is up: %v", err)
	}
	return err == nil
}

// silence is that no source gave a first byte: each, with its reason.
type silence []Attempt

func (list silence) Error() string {
	var all []string
	for _, a := range list {
		all = append(all, a.Where+": "+a.Why)
	}
	return strings.Join(all, "; ")
}

// logFar begins to send the log where inst.syslog= says.
func (s *session) logFar() {
	if s.opts.Syslog == "" {
		return
	}
	t, err := syslog.ParseTarget(s.opts.Syslog)
	if err != nil {
		s.say("inst.syslog=%v", err)
		return
	}
	s.log.sendTo(t)
}

// offline takes the network down, for another try with other options.
func (s *session) offline() {
	if s.network != nil {
		s.Down()
		s.network = nil
	}
}

// hostOf is the server of a source.
func hostOf(src media.Source) string {
	if src.URL == "" {
		return src.Server
	}
	u, err := url.Parse(src.URL)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// firstByte asks one source after the other for anything at all. A server that
// says no has answered too. known are the reasons of earlier tries: a try for which
// no time was left says nothing new.
func (s *session) firstByte(ctx context.Context, sources []media.Source, known map[string]string) error {
	var list silence
	for _, src := range sources {
		err := s.reach(ctx, src)
		if err == nil {
			return nil
		}
		where := src.Redacted()
		if known[where] == "" || ctx.Err() == nil {
			known[where] = oneReason(err)
		}
		list = append(list, Attempt{where, known[where]})
	}
	return list
}

// oneReason leaves out what was asked for: a first byte of anything.
func oneReason(err error) string {
	if e, ok := errors.AsType[*fetch.Error](err); ok {
		return e.Why()
	}
	return err.Error()
}

func (s *session) reach(ctx context.Context, src media.Source) error {
	if src.URL == "" {
		return nfs.Ping(ctx, src)
	}
	tree, err := s.servers.Open(ctx, src, s.optionsFor(src))
	if err != nil {
		return err
	}
	defer tree.Close()
	file, err := tree.Open(ctx, media.DiscInfoPath)
	if err == nil {
		return file.Close()
	}
	if answered(err) {
		return nil
	}
	return err
}

// answered reports whether an error is what a server said.
func answered(err error) bool {
	for _, said := range []error{fetch.ErrNotFound, fetch.ErrForbidden, fetch.ErrLogin, fetch.ErrStatus, fetch.ErrTLS} {
		if errors.Is(err, said) {
			return true
		}
	}
	return false
}

// fetchOptions are those of the boot options.
func (s *session) fetchOptions() fetch.Options {
	return fetch.Options{
		Proxy: s.opts.Proxy, NoVerify: s.opts.NoVerifySSL, CA: fetch.Authorities(s.dirs.ca), Stall: serverPatience,
		Tell: func(e fetch.Event) { s.note("%s: %s", e.File, e.What) },
	}
}

// serverPatience is how long a server may send nothing.
const serverPatience = 20 * time.Second

// caFile is the file of certificates that are trusted besides the well-known, if there is one.
func (s *session) caFile() string {
	if _, err := os.Stat(s.dirs.ca); err != nil {
		return ""
	}
	return s.dirs.ca
}

// trust collects the certificates of the initramfs and of inst.cacert=.
func (s *session) trust(ctx context.Context) *Failure {
	var all []byte
	if own, err := os.ReadFile(s.dirs.ownCA); err == nil {
		all = append(all, own...)
	}
	f := &Failure{What: "A certificate of inst.cacert= can't be had.", Hint: "Edit the boot options, and try again."}
	for _, name := range s.opts.CACerts {
		data, origin, ok := s.readNamed(ctx, name, "ca.pem", f)
		if ok && !x509.NewCertPool().AppendCertsFromPEM(data) {
			f.add(origin, errors.New("there is no certificate in PEM form in it"))
			ok = false
		}
		if !ok {
			return f
		}
		all = append(append(all, '\n'), data...)
	}
	if len(all) == 0 {
		_ = os.Remove(s.dirs.ca) // of an earlier try
		return nil
	}
	if err := writePrivate(s.dirs.ca, all); err != nil {
		f.add(s.dirs.ca, err)
		return f
	}
	return nil
}
