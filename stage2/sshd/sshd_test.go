package sshd

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

const secret = "xyzzy-plugh"

// server runs a server on the loopback interface to the end of the test.
type server struct {
	*Server
	addr string
	stop context.CancelFunc
	done chan error
	mu   sync.Mutex
	told []string
}

func start(t *testing.T, c Config) *server {
	t.Helper()
	s := &server{done: make(chan error, 1)}
	if c.Accounts == nil {
		c.Accounts = []Account{{User: "root", Password: is(secret)}}
	}
	c.Tell = func(text string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.told = append(s.told, text)
	}
	var err error
	if s.Server, err = New(c); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	go func() { s.done <- s.Serve(ctx, l); close(s.done) }()
	t.Cleanup(func() {
		stop()
		if err := <-s.done; err != nil {
			t.Errorf("the server: %v", err)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if all := strings.Join(s.told, "\n"); strings.Contains(all, "xyzzy") {
			t.Errorf("a password was told:\n%s", all)
		}
	})
	return s
}

func is(password string) func(string) bool {
	return func(p string) bool { return subtle.ConstantTimeCompare([]byte(p), []byte(password)) == 1 }
}

func (s *server) dial(user string, auth ...ssh.AuthMethod) (*ssh.Client, error) {
	return ssh.Dial("tcp", s.addr, &ssh.ClientConfig{User: user, Auth: auth, HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error {
		if got := ssh.FingerprintSHA256(key); got != s.Fingerprint() {
			return fmt.Errorf("host key %s, and told was %s", got, s.Fingerprint())
		}
		return nil
	}})
}

// client is somebody who has logged in and has a terminal of 100×30.
type client struct {
	*ssh.Client
	*ssh.Session
	in  io.WriteCloser
	out *bufio.Reader
}

func (s *server) login(t *testing.T) *client {
	t.Helper()
	c, err := s.dial("root", ssh.Password(secret))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	session, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	in, err := session.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := session.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := session.RequestPty("vt220", 30, 100, ssh.TerminalModes{ssh.ECHO: 0}); err != nil {
		t.Fatal(err)
	}
	if err := session.Shell(); err != nil {
		t.Fatal(err)
	}
	return &client{c, session, in, bufio.NewReader(out)}
}

func (c *client) line(t *testing.T) string {
	t.Helper()
	line, err := c.out.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

func keyPair(t *testing.T) (ssh.Signer, ssh.PublicKey) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ParseKey(string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
	if err != nil {
		t.Fatal(err)
	}
	return signer, key
}

func TestLogins(t *testing.T) {
	mine, known := keyPair(t)
	other, _ := keyPair(t)
	tests := []struct {
		what string
		user string
		auth ssh.AuthMethod
		want bool
	}{
		{"right password", "root", ssh.Password(secret), true},
		{"wrong password", "root", ssh.Password("xyzzy"), false},
		{"empty password", "root", ssh.Password(""), false},
		{"empty password, account without one", "keys", ssh.Password(""), false},
		{"unknown user", "eve", ssh.Password(secret), false},
		{"right key", "keys", ssh.PublicKeys(mine), true},
		{"right key among others", "keys", ssh.PublicKeys(other, mine), true},
		{"wrong key", "keys", ssh.PublicKeys(other), false},
		{"another's key", "root", ssh.PublicKeys(mine), false},
	}
	for _, tt := range tests {
		t.Run(tt.what, func(t *testing.T) {
			s := start(t, Config{Accounts: []Account{{User: "root", Password: is(secret)}, {User: "keys", Keys: []ssh.PublicKey{known}}}})
			c, err := s.dial(tt.user, tt.auth)
			if err == nil {
				c.Close()
			}
			if (err == nil) != tt.want {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestNobody(t *testing.T) {
	for _, accounts := range [][]Account{nil, {{User: "root"}}} {
		if _, err := New(Config{Accounts: accounts}); !errors.Is(err, ErrNobody) {
			t.Errorf("%v: %v", accounts, err)
		}
	}
}

func TestParseKey(t *testing.T) {
	_, key := keyPair(t)
	line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
	if _, err := ParseKey(line + " me at home"); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"", "ssh-ed25519", "ssh-ed25519 AAAA", `command="x" ` + line, "\x00"} {
		if _, err := ParseKey(bad); err == nil {
			t.Errorf("%q is a key", bad)
		}
	}
}

// TestGuessing: after wrong passwords even the right one is not looked at, for longer
// each time, and only from there.
func TestGuessing(t *testing.T) {
	now := time.Unix(1000, 0)
	g := newGuard(func() time.Time { return now })
	try := func(from string, right bool) bool {
		if g.begin(from) > 0 {
			return false
		}
		g.end(from, right)
		return true
	}
	for i, want := range []time.Duration{0, 0, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second} {
		if !try("192.0.2.1", false) {
			t.Fatalf("try %d isn't looked at", i)
		}
		if want == 0 {
			continue
		}
		now = now.Add(want - 1)
		if try("192.0.2.1", true) {
			t.Fatalf("after try %d: it doesn't wait for %v", i, want)
		}
		now = now.Add(1)
	}
	for range 40 {
		now = now.Add(longestWait)
		if !try("192.0.2.1", false) {
			t.Fatalf("more than %v to wait", longestWait)
		}
	}
	if try("192.0.2.1", true) || !try("192.0.2.2", true) {
		t.Error("not only the one who guessed waits")
	}
	now = now.Add(longestWait)
	if !try("192.0.2.1", true) || !try("192.0.2.1", true) {
		t.Error("the right password doesn't end the wait")
	}
	for i := range 3 {
		try(fmt.Sprintf("2001:db8::%d", i), false)
	}
	if try("2001:db8::ffff", true) || !try("2001:db8:0:1::1", true) {
		t.Error("the addresses of a network of IPv6 don't share the wait, or others do")
	}
	for i := range 2 * mostKnown {
		try(fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255), false)
	}
	if len(g.wrong) > mostKnown+1 {
		t.Errorf("%d addresses are kept", len(g.wrong))
	}
}

// TestWait is the same through the server: a wait is one for passwords, and a key opens.
func TestWait(t *testing.T) {
	mine, known := keyPair(t)
	now := time.Unix(1000, 0)
	s := start(t, Config{Accounts: []Account{{User: "root", Password: is(secret), Keys: []ssh.PublicKey{known}}}, Now: func() time.Time { return now }})
	for range 3 {
		if _, err := s.dial("root", ssh.Password("xyzzy")); err == nil {
			t.Fatal("a wrong password opens")
		}
	}
	if _, err := s.dial("root", ssh.Password(secret)); err == nil {
		t.Error("there is no wait")
	}
	c, err := s.dial("root", ssh.PublicKeys(mine))
	if err != nil {
		t.Fatalf("a key has to wait: %v", err)
	}
	c.Close()
}

// TestTerminal: what a client says of its terminal comes through, keys and
// output do, and the end.
func TestTerminal(t *testing.T) {
	s := start(t, Config{Open: func(ctx context.Context, s Session) error {
		size, err := unix.IoctlGetWinsize(int(s.TTY.Fd()), unix.TIOCGWINSZ)
		if err != nil {
			return err
		}
		fmt.Fprintf(s.TTY, "%s from %s on %s, %dx%d\n", s.User, s.From, s.Term, size.Col, size.Row)
		in := bufio.NewReader(s.TTY)
		for {
			select {
			case size := <-s.Sizes:
				fmt.Fprintf(s.TTY, "now %dx%d\n", size.Width, size.Height)
			case <-ctx.Done():
				return ctx.Err()
			}
			line, err := in.ReadString('\n')
			if err != nil || line == "bye\n" {
				return err
			}
			fmt.Fprintf(s.TTY, "typed %q\n", line)
		}
	}})
	c := s.login(t)
	if got := c.line(t); got != "root from 127.0.0.1 on vt220, 100x30" {
		t.Errorf("it begins with %q", got)
	}
	for _, tt := range []struct {
		height, width int
		keys, want    string
	}{{24, 80, "abc\r", "now 80x24"}, {0, 0, "def\r", "now 80x24"}, {1 << 30, 1 << 30, "bye\r", "now 1000x1000"}} {
		if err := c.WindowChange(tt.height, tt.width); err != nil {
			t.Fatal(err)
		}
		if got := c.line(t); got != tt.want {
			t.Errorf("after %dx%d: %q", tt.width, tt.height, got)
		}
		fmt.Fprint(c.in, tt.keys)
		for range 2 { // what the tty echoes, and the answer
			if got, err := c.out.ReadString('\n'); err != nil && tt.keys != "bye\r" {
				t.Errorf("%q: %v", got, err)
			}
		}
	}
	if err := c.Wait(); err != nil {
		t.Errorf("the end: %v", err)
	}
}

// TestRefused: nothing but a terminal is to be had.
func TestRefused(t *testing.T) {
	s := start(t, Config{Open: func(context.Context, Session) error { t.Error("opened a terminal"); return nil }})
	c, err := s.dial("root", ssh.Password(secret))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	session := func() *ssh.Session {
		s, err := c.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	var said bytes.Buffer
	run := session()
	run.Stderr = &said
	var exit *ssh.ExitError
	if err := run.Run("cat /etc/shadow"); !errors.As(err, &exit) || exit.ExitStatus() != 1 || !strings.Contains(said.String(), "runs no commands") {
		t.Errorf("a command: %v, %q", err, said.String())
	}
	said.Reset()
	shell := session()
	shell.Stderr = &said
	if err := shell.Shell(); err != nil {
		t.Error(err)
	}
	if err := shell.Wait(); !errors.As(err, &exit) || !strings.Contains(said.String(), "ssh -t") {
		t.Errorf("without a terminal: %v, %q", err, said.String())
	}
	if err := session().RequestSubsystem("sftp"); err == nil {
		t.Error("files can be copied")
	}
	if err := session().Setenv("LD_PRELOAD", "x"); err == nil {
		t.Error("the environment can be set")
	}
	if conn, err := c.Dial("tcp", "127.0.0.1:1"); err == nil {
		conn.Close()
		t.Error("connections are forwarded")
	}
	if l, err := c.Listen("tcp", "127.0.0.1:0"); err == nil {
		l.Close()
		t.Error("ports are forwarded")
	}
}

// TestDropped: the terminal hangs up when the connection does.
func TestDropped(t *testing.T) {
	ended := make(chan error, 1)
	s := start(t, Config{Open: func(_ context.Context, s Session) error {
		fmt.Fprintln(s.TTY, "here")
		_, err := io.Copy(io.Discard, s.TTY)
		ended <- err
		return err
	}})
	c := s.login(t)
	c.line(t)
	c.Client.Close()
	if err := <-ended; !errors.Is(err, unix.EIO) {
		t.Errorf("the terminal ends with %v", err)
	}
	again := s.login(t)
	again.line(t)
	again.Client.Close()
	<-ended
}

// TestSilentClient: one that reads nothing keeps neither the others waiting nor
// the end.
func TestSilentClient(t *testing.T) {
	stuck := make(chan struct{})
	s := start(t, Config{Open: func(ctx context.Context, s Session) error {
		in := bufio.NewReader(s.TTY)
		line, err := in.ReadString('\n')
		if err != nil || line != "flood\n" {
			fmt.Fprintln(s.TTY, "hello")
			return err
		}
		defer context.AfterFunc(ctx, s.Free)()
		page := bytes.Repeat([]byte("x"), 4096)
		for n := 0; ; n++ {
			if n == 1000 { // 4 MB: more than the window of SSH and the tty hold
				close(stuck)
			}
			if _, err := s.TTY.Write(page); err != nil {
				return err
			}
		}
	}})
	c, err := s.dial("root", ssh.Password(secret))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ch, requests, err := c.OpenChannel("session", nil)
	if err != nil {
		t.Fatal(err)
	}
	go ssh.DiscardRequests(requests)
	pty := ssh.Marshal(struct {
		Term       string
		C, R, W, H uint32
		Modes      string
	}{"x", 80, 24, 0, 0, ""})
	for name, payload := range map[string][]byte{"pty-req": pty} {
		if ok, err := ch.SendRequest(name, true, payload); !ok || err != nil {
			t.Fatalf("%s: %v, %v", name, ok, err)
		}
	}
	if ok, err := ch.SendRequest("shell", true, nil); !ok || err != nil {
		t.Fatalf("shell: %v, %v", ok, err)
	}
	fmt.Fprint(ch, "flood\r") // and nobody reads ch
	other := s.login(t)
	fmt.Fprint(other.in, "\r")
	for other.line(t) != "hello" {
	}
	select {
	case <-stuck:
		t.Error("the test is none: 4 MB were taken")
	default:
	}
	s.stop()
	if err := <-s.done; err != nil {
		t.Error(err)
	}
}

// TestLastWords: at the end what a session still says gets through.
func TestLastWords(t *testing.T) {
	s := start(t, Config{Open: func(ctx context.Context, s Session) error {
		fmt.Fprintln(s.TTY, "here")
		<-ctx.Done()
		fmt.Fprintln(s.TTY, "the machine restarts")
		return nil
	}})
	c := s.login(t)
	c.line(t)
	s.stop()
	if got := c.line(t); got != "the machine restarts" {
		t.Errorf("the last words are %q", got)
	}
	if err := c.Wait(); err != nil {
		t.Errorf("the end: %v", err)
	}
	if err := <-s.done; err != nil {
		t.Error(err)
	}
}

// TestLongPassword: what takes long to check isn't looked at.
func TestLongPassword(t *testing.T) {
	var seen []int // guarded by the server, which checks one at a time
	s := start(t, Config{Accounts: []Account{{User: "root", Password: func(p string) bool { seen = append(seen, len(p)); return false }}}})
	for _, n := range []int{longestTry, longestTry + 1, 200_000} {
		if _, err := s.dial("root", ssh.Password(strings.Repeat("x", n))); err == nil {
			t.Fatal("a wrong password opens")
		}
	}
	s.stop()
	<-s.done
	if !slices.Equal(seen, []int{longestTry}) {
		t.Errorf("passwords of %v bytes were checked", seen)
	}
}

// TestMostStrangers: they are counted by address, by network of IPv6, and all together.
func TestMostStrangers(t *testing.T) {
	s := newStrangers()
	in := 0
	for i := range 2 * mostStrangers {
		for range mostFromOne + 1 {
			if s.come(fmt.Sprintf("192.0.2.%d", i)) {
				in++
			}
		}
	}
	if in != mostStrangers || s.come("198.51.100.1") {
		t.Errorf("%d are in", in)
	}
	for i := range in / mostFromOne {
		for range mostFromOne {
			s.leave(fmt.Sprintf("192.0.2.%d", i))
		}
	}
	for i := range mostFromOne + 1 {
		if got := s.come(fmt.Sprintf("2001:db8::%d", i)); got != (i < mostFromOne) {
			t.Errorf("address %d of a network: %v", i, got)
		}
	}
	if !s.come("2001:db8:0:1::1") || len(s.from) != 2 || s.all != mostFromOne+1 {
		t.Errorf("kept are %v, %d together", s.from, s.all)
	}
}

// TestStrangers: connections that say nothing keep nobody out for ever, none from elsewhere
// at all, and no more than a few are held.
func TestStrangers(t *testing.T) {
	s := start(t, Config{})
	var silent []net.Conn
	for range mostFromOne {
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := bufio.NewReader(c).ReadString('\n'); err != nil { // its version: it has been let in
			t.Fatal(err)
		}
		silent = append(silent, c)
	}
	if _, err := s.dial("root", ssh.Password(secret)); err == nil {
		t.Fatalf("more than %d connections are held", mostFromOne)
	}
	elsewhere := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	c, err := elsewhere.DialContext(t.Context(), "tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	other, _, _, err := ssh.NewClientConn(c, s.addr, &ssh.ClientConfig{User: "root", Auth: []ssh.AuthMethod{ssh.Password(secret)}, HostKeyCallback: ssh.FixedHostKey(s.host)})
	if err != nil {
		t.Fatalf("those from one address keep out one from another: %v", err)
	}
	other.Close()
	for _, c := range silent {
		c.Close()
	}
	for {
		c, err := s.dial("root", ssh.Password(secret)) // as soon as it has seen one leave
		if err == nil {
			c.Close()
			return
		}
	}
}

// FuzzRequests: what a client says of its terminal can be anything.
func FuzzRequests(f *testing.F) {
	f.Add(ssh.Marshal(struct {
		Term       string
		C, R, W, H uint32
		Modes      string
	}{"vt220", 80, 24, 0, 0, "\x00"}))
	f.Add([]byte{0, 0, 0, 0, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, payload []byte) {
		term := terminal{sizes: make(chan Size, 1)}
		if term.take(payload) {
			good(t, term.size)
			if strings.ContainsAny(term.term, "\x00\n=/ ") || len(term.term) > 64 {
				t.Errorf("TERM=%q", term.term)
			}
		}
		for range 2 {
			if term.resize(payload) {
				good(t, <-term.sizes)
			}
		}
	})
}

func good(t *testing.T, s Size) {
	if s.Width < 1 || s.Height < 1 || s.Width > 1000 || s.Height > 1000 {
		t.Errorf("size %v", s)
	}
}
