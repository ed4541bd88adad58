// Package sshd lets people log in over SSH while the installer runs. It checks who they are
// and gives each of them a pseudo terminal; what is shown on that, and what is
// typed there, is its caller's. It knows no screens and runs no programs.
//
// # Contract
//
// There is a server only with a password or a key that opens it: New refuses to make
// another. Only terminals are given: no commands, no copying of files, no
// forwarding. The host key is made anew by each New and is nowhere else; people
// compare its fingerprint with the one on the console. Nothing that is told has a password
// in it. A client that is slow, silent or gone holds up only its own session.
package sshd

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// ErrNobody says that nobody could log in.
var ErrNobody = errors.New("there is neither a password nor a key that opens it")

// Account is who may log in.
type Account struct {
	User string
	// Password checks one; it takes as long for a wrong one. nil: none opens it.
	Password func(string) bool
	Keys     []ssh.PublicKey
}

// Opens reports whether there is anything to log in with.
func (a Account) Opens() bool { return a.Password != nil || len(a.Keys) > 0 }

// Size of a terminal, in characters.
type Size struct{ Width, Height int }

// Session is somebody who has logged in.
type Session struct {
	User string
	From string   // the address: "192.0.2.7"
	TTY  *os.File // is closed when Open has returned
	Term string   // TERM there; empty when it isn't a name
	// Sizes has the last size that the terminal was resized to.
	Sizes <-chan Size
	// Free hangs the terminal up, so that a write ends that waits for the client.
	Free func()
}

// Config is what a server needs. Accounts and Open have to be given.
type Config struct {
	Accounts []Account
	// Open uses a terminal to its end. It must return when ctx ends, and when the
	// terminal hangs up.
	Open func(ctx context.Context, s Session) error
	Tell func(text string) // who comes and goes, for the log; nil: nobody is told
	Now  func() time.Time  // default time.Now
}

// Server is a server with its host key.
type Server struct {
	Config
	ssh       *ssh.ServerConfig
	host      ssh.PublicKey
	guard     *guard
	strangers *strangers
	seats     chan struct{} // one for each terminal
}

const (
	mostTerminals = 16
	mostTries     = 4                // passwords in a connection
	longestTry    = 512              // bytes of a password: crypt(3) takes no longer one, and they take long to check
	loginTime     = time.Minute      // for logging in
	parting       = 3 * time.Second  // for the last output on its way to the client
	probing       = 15 * time.Second // until a connection on which nothing comes is asked whether it lives
)

// ParseKey reads a public key as in authorized_keys, sshd(8). Options before the key
// are refused: what they would forbid isn't there, or couldn't be kept to.
func ParseKey(line string) (ssh.PublicKey, error) {
	key, _, options, _, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil {
		return nil, fmt.Errorf("read a public key: %w; one looks like \"ssh-ed25519 AAAA… name\"", err)
	}
	if len(options) > 0 {
		return nil, fmt.Errorf("read a public key: it has the options %v, which are not for here; leave them out", options)
	}
	return key, nil
}

// New makes a server and its host key.
func New(c Config) (*Server, error) {
	if !slices.ContainsFunc(c.Accounts, Account.Opens) {
		return nil, ErrNobody
	}
	if c.Tell == nil {
		c.Tell = func(string) {}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a host key: %w", err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		return nil, fmt.Errorf("make a host key: %w", err)
	}
	s := &Server{Config: c, host: signer.PublicKey(), guard: newGuard(c.Now),
		strangers: newStrangers(), seats: make(chan struct{}, mostTerminals)}
	s.ssh = &ssh.ServerConfig{MaxAuthTries: mostTries, ServerVersion: "SSH-2.0-molt",
		PasswordCallback: s.password, PublicKeyCallback: s.key}
	s.ssh.AddHostKey(signer)
	return s, nil
}

// Fingerprint of the host key: "SHA256:…".
func (s *Server) Fingerprint() string { return ssh.FingerprintSHA256(s.host) }

var errRefused = errors.New("refused")

// password checks one at a time, and after wrong ones none for a while.
func (s *Server) password(c ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
	from := address(c.RemoteAddr())
	if len(password) > longestTry {
		s.Tell("SSH: a wrong password from " + from)
		return nil, errRefused
	}
	if wait := s.guard.begin(from); wait > 0 {
		s.Tell(fmt.Sprintf("SSH: %s has to wait for %v after wrong passwords", from, wait.Round(time.Second)))
		return nil, errRefused
	}
	ok := false
	for _, a := range s.Accounts {
		if a.User == c.User() && a.Password != nil && len(password) > 0 && a.Password(string(password)) {
			ok = true
		}
	}
	s.guard.end(from, ok)
	if !ok {
		s.Tell("SSH: a wrong password from " + from)
		return nil, errRefused
	}
	return nil, nil
}

func (s *Server) key(c ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
	for _, a := range s.Accounts {
		if a.User == c.User() && slices.ContainsFunc(a.Keys, func(k ssh.PublicKey) bool { return bytes.Equal(k.Marshal(), key.Marshal()) }) {
			return nil, nil
		}
	}
	return nil, errRefused
}

// address is that of a connection, without the port.
func address(a net.Addr) string {
	if host, _, err := net.SplitHostPort(a.String()); err == nil {
		return host
	}
	return a.String()
}

// Listen opens the port at all addresses of the machine.
func Listen(ctx context.Context, port string) (net.Listener, error) {
	c := net.ListenConfig{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: probing, Interval: probing / 3, Count: 3}}
	l, err := c.Listen(ctx, "tcp", net.JoinHostPort("", port))
	if err != nil {
		return nil, fmt.Errorf("listen for SSH on port %s: %w", port, err)
	}
	return l, nil
}

// Serve takes connections until ctx ends, which ends all sessions, and returns when
// they have. It closes l.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	var all sync.WaitGroup
	defer all.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	for {
		c, err := l.Accept()
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("wait for people over SSH: %w", err)
		case err != nil: // of that one connection, or too many files are open
			s.Tell("SSH: " + err.Error())
			if !pause(ctx, time.Second) {
				return nil
			}
			continue
		}
		all.Go(func() { s.Connection(ctx, c) })
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
