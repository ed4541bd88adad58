package stage2

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/vishvananda/netlink"

	"github.com/molt-installer/molt/stage2/event"
	"github.com/molt-installer/molt/stage2/kickstart"
	"github.com/molt-installer/molt/stage2/sshd"
	"github.com/molt-installer/molt/stage2/tui"
)

// sshPort is where people log in.
const sshPort = "22"

// visited is a front end that people who log in can look at too.
type visited interface {
	Attach(ctx context.Context, t tui.Terminal) error
	Address(where, key string)
}

// Attach implements visited.
func (t *terminal) Attach(ctx context.Context, at tui.Terminal) error { return t.ui.Attach(ctx, at) }

// Address implements visited.
func (t *terminal) Address(where, key string) { t.ui.Address(where, key) }

var _ visited = (*terminal)(nil)

// visits are what is there for people who log in over SSH.
type visits struct {
	over    atomic.Bool // the last event has been: none comes behind it
	screens *tui.UI     // what they see where no front end is for them
	stop    func()      // ends the server
}

// Emit implements event.Sink.
func (v *visits) Emit(e event.Event) {
	if e.Type == event.Done || e.Type == event.Failed {
		v.over.Store(true)
	}
}

// note tells the log of visitors.
func (s *session) note(text string) {
	if !s.visits.over.Load() {
		s.out.Emit(event.Event{Type: event.Log, Message: text})
	}
}

// openSSH lets people log in, when that was asked for, to see what face shows; if that
// isn't for others, or there is none, they see how it goes. It must be called before the questions,
// so that these can be answered from elsewhere.
func (s *session) openSSH(ctx context.Context, face Frontend) {
	o := s.setup.Options
	accounts := s.visitors()
	switch {
	case s.setup.Dry:
		return
	case !o.SSHD && (o.SSHPassword != "" || len(o.SSHKeys)+len(s.answers.Visitors) > 0):
		s.warn(errors.New("nobody can log in over SSH: what is said of passwords and keys for that needs inst.sshd"))
		return
	case !o.SSHD:
		return
	}
	screens, others := face.(visited)
	server, err := sshd.New(sshd.Config{
		Accounts: accounts,
		Open:     func(ctx context.Context, who sshd.Session) error { return visit(ctx, screens, who) },
		Tell:     s.note,
	})
	if errors.Is(err, sshd.ErrNobody) {
		s.warn(fmt.Errorf("inst.sshd: nobody can log in over SSH: %w; give inst.sshd.password=, inst.sshd.key= or the kickstart's sshpw", err))
		return
	}
	var l net.Listener
	if err == nil {
		l, err = s.listen(ctx)
	}
	if err != nil {
		s.warn(fmt.Errorf("inst.sshd: nobody can log in over SSH: %w", err))
		return
	}
	if !others {
		s.visits.screens = tui.New(s.Name, s.note)
		screens = s.visits.screens
		s.out.add(s.visits.screens)
	}
	s.out.add(&s.visits)
	first := accounts[slices.IndexFunc(accounts, sshd.Account.Opens)].User // there is one, or New had refused
	s.serveSSH(ctx, server, l, func(addresses []string) {
		where := "ssh " + first + "@" + cmp.Or(strings.Join(addresses, " or "), "(no address yet)")
		screens.Address(where, server.Fingerprint())
		text := where + "  " + server.Fingerprint()
		s.note("SSH: " + text)
		if face == nil {
			s.out.say(text)
		}
	})
}

// serveSSH runs the server until closeSSH, and tells its addresses.
func (s *session) serveSSH(ctx context.Context, server *sshd.Server, l net.Listener, tell func([]string)) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // the last screens are for visitors too
	var all sync.WaitGroup
	all.Go(func() {
		if err := server.Serve(ctx, l); err != nil {
			s.note("SSH: " + err.Error())
		}
	})
	all.Go(func() { watchAddresses(ctx, tell) })
	s.visits.stop = func() {
		cancel()
		all.Wait()
	}
}

// closeSSH sends all visitors away, when the front end has ended.
func (s *session) closeSSH() {
	if s.visits.screens != nil {
		if err := s.visits.screens.Close(); err != nil {
			s.note("SSH: " + err.Error())
		}
	}
	if s.visits.stop != nil {
		s.visits.stop()
	}
}

func (s *session) listen(ctx context.Context) (net.Listener, error) {
	if s.Listen != nil {
		return s.Listen(ctx)
	}
	return sshd.Listen(ctx, sshPort)
}

// add has a sink told of all events from now on.
func (o *outputs) add(sink event.Sink) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.logs = append(o.logs, sink)
}

// visitors are who may log in: what the boot line says is for root and install. What can't be
// used is warned of.
func (s *session) visitors() []sshd.Account {
	o := s.setup.Options
	all := []sshd.Account{{User: "root"}, {User: "install"}}
	of := func(user string) *sshd.Account {
		i := slices.IndexFunc(all, func(a sshd.Account) bool { return a.User == user })
		if i < 0 {
			all = append(all, sshd.Account{User: user})
			i = len(all) - 1
		}
		return &all[i]
	}
	key := func(user, line string) {
		k, err := sshd.ParseKey(line)
		if s.warn(err); err == nil {
			of(user).Keys = append(of(user).Keys, k)
		}
	}
	for _, user := range []string{"root", "install"} {
		of(user).Password = s.opens(o.SSHPassword)
		for _, line := range o.SSHKeys {
			key(user, line)
		}
	}
	for _, v := range s.answers.Visitors {
		switch {
		case v.Key != "":
			key(v.User, v.Key)
		case !v.Login.Locked:
			if check := s.hashed(v.Login.Hash); check != nil { // or what was there before stays
				of(v.User).Password = check
			}
		}
	}
	for _, k := range s.answers.SSHKeys {
		if k.User == "root" {
			key(k.User, k.Key)
		}
	}
	return all
}

// opens checks passwords against the boot line's, which is given as it is or as its hash; nil when none opens.
func (s *session) opens(given string) func(string) bool {
	if given == "" {
		return nil
	}
	if strings.HasPrefix(given, "$") {
		return s.hashed(given)
	}
	return plainly(given)
}

// plainly checks passwords against one that is given as it is.
func plainly(given string) func(string) bool {
	want := sha256.Sum256([]byte(given))
	return func(password string) bool {
		got := sha256.Sum256([]byte(password))
		return subtle.ConstantTimeCompare(got[:], want[:]) == 1
	}
}

// hashed checks passwords against a hash, crypt(5), and against nothing else: one that is locked, or of
// a kind that isn't known here, is no password. nil when none opens.
func (s *session) hashed(hash string) func(string) bool {
	if _, err := kickstart.CheckPassword(hash, ""); err != nil {
		s.warn(fmt.Errorf("a password for SSH can't be used: %w", err))
		return nil
	}
	return func(password string) bool {
		ok, err := kickstart.CheckPassword(hash, password)
		return ok && err == nil
	}
}

// visit shows the screens to somebody.
func visit(ctx context.Context, screens visited, who sshd.Session) error {
	sizes := make(chan tui.Size)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		for {
			select {
			case size := <-who.Sizes:
				select {
				case sizes <- tui.Size(size):
				case <-ctx.Done():
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	environ := append(os.Environ(), "TERM="+who.Term)
	err := screens.Attach(ctx, tui.Terminal{Name: who.From, In: who.TTY, Out: who.TTY, Environ: environ, Sizes: sizes, Free: who.Free,
		Shell: tui.ShellOn(who.TTY, environ)})
	fmt.Fprint(who.TTY, "The installer has ended here.\n")
	return err
}

// watchAddresses tells the machine's addresses now, and each time they have changed.
func watchAddresses(ctx context.Context, tell func([]string)) {
	changes, done := make(chan netlink.AddrUpdate, 16), make(chan struct{})
	context.AfterFunc(ctx, func() { close(done) })
	if err := netlink.AddrSubscribe(changes, done); err != nil {
		changes = nil // then those of now have to do
	}
	var last []string
	for first := true; ; {
		if now := addresses(); first || !slices.Equal(now, last) {
			tell(now)
			first, last = false, now
		}
		select {
		case _, ok := <-changes:
			if !ok {
				changes = nil
			}
		case <-ctx.Done():
			return
		}
	}
}

// addresses are those that others reach the machine at.
func addresses() []string {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var out []string
	for _, a := range all {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.IsGlobalUnicast() {
			out = append(out, ip.IP.String())
		}
	}
	return out
}
