package vmtest

import (
	"fmt"
	"io"
	"net"
	"sync"

	"golang.org/x/crypto/ssh"

	"github.com/molt-installer/molt/internal/vm"
)

// SSHPort is where a guest serves SSH.
const SSHPort = 22

// SSHCard is a network card by which nothing of the guest is reached but its SSH server.
func SSHCard() vm.NIC { return vm.NIC{Backend: vm.Forward(SSHPort)} }

// Viewer is a terminal that is connected with a guest by SSH.
type Viewer struct {
	*Screen
	HostKey string // its fingerprint, as ssh-keygen -l writes it

	run    *Run
	conn   net.Conn
	client *ssh.Client
	keys   io.Writer
	over   sync.WaitGroup
}

// View logs in by SSH, through the card SSHCard, and shows in a terminal what is served
// there. The error is that of the connection, or of a login that was refused.
func (r *Run) View(columns, rows int, auth ...ssh.AuthMethod) (*Viewer, error) {
	r.t.Helper()
	addr, err := r.Guest.Forwarded(r.ctx, SSHPort)
	if err != nil {
		return nil, err
	}
	v := &Viewer{Screen: newScreen(columns, rows), run: r}
	var d net.Dialer
	if v.conn, err = d.DialContext(r.ctx, "tcp", addr); err != nil {
		return nil, fmt.Errorf("SSH to the guest: %w", err)
	}
	if until, ok := r.ctx.Deadline(); ok {
		v.conn.SetDeadline(until)
	}
	r.t.Cleanup(v.Drop)
	conn, channels, requests, err := ssh.NewClientConn(v.conn, addr, &ssh.ClientConfig{User: "root", Auth: auth,
		HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error {
			v.HostKey = ssh.FingerprintSHA256(key)
			return nil
		}})
	if err != nil {
		v.Drop()
		return nil, fmt.Errorf("SSH to the guest: %w", err)
	}
	v.client = ssh.NewClient(conn, channels, requests)
	return v, v.open(columns, rows)
}

// open starts a session with a terminal.
func (v *Viewer) open(columns, rows int) error {
	s, err := v.client.NewSession()
	if err != nil {
		return fmt.Errorf("open an SSH session: %w", err)
	}
	s.Stdout, s.Stderr = v, v
	if v.keys, err = s.StdinPipe(); err != nil {
		return err
	}
	if err := s.RequestPty("xterm-256color", rows, columns, ssh.TerminalModes{}); err != nil {
		return fmt.Errorf("ask for a terminal by SSH: %w", err)
	}
	if err := s.Shell(); err != nil {
		return fmt.Errorf("start what is served by SSH: %w", err)
	}
	v.over.Go(func() {
		_ = s.Wait() // how it ended is of no interest: what was seen is
		v.run.Guest.Stir()
	})
	return nil
}

// Write takes what the guest says.
func (v *Viewer) Write(p []byte) (int, error) {
	n, err := v.Screen.Write(p)
	v.run.Guest.Stir()
	return n, err
}

// Type types in the viewer's terminal.
func (v *Viewer) Type(keys string) {
	v.run.t.Helper()
	if _, err := io.WriteString(v.keys, keys); err != nil {
		v.run.t.Fatalf("type %q by SSH: %v", keys, err)
	}
}

// Wait waits until the viewer's terminal shows all of want.
func (v *Viewer) Wait(want ...string) {
	v.run.t.Helper()
	v.run.WaitScreen(v.Screen, want...)
}

// Drop cuts the connection without a word, as a network that fails does to the client.
func (v *Viewer) Drop() {
	if tcp, ok := v.conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // no orderly end: connect(2) again or never
	}
	_ = v.conn.Close()
	v.over.Wait()
}
