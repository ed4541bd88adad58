package stage2_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/hinshun/vt10x"
	"golang.org/x/crypto/ssh"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/stage2/plan"
)

const visitors = "xyzzy-for-visitors"

// held is a step that lasts until somebody has seen it.
type held struct{ seen <-chan struct{} }

func (held) ID() string    { return "held" }
func (held) Title() string { return "Wait to be seen" }
func (held) Weight() int   { return 1 }
func (h held) Run(ctx context.Context, _ *plan.Env) error {
	select {
	case <-h.seen:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// look logs in, tells seen as soon as the screen shows want, and returns all that came.
func look(address, user, password, want string, seen chan<- struct{}) (string, error) {
	c, err := ssh.Dial("tcp", address, &ssh.ClientConfig{User: user, Auth: []ssh.AuthMethod{ssh.Password(password)}, HostKeyCallback: ssh.InsecureIgnoreHostKey()})
	if err != nil {
		return "", err
	}
	defer c.Close()
	session, err := c.NewSession()
	if err != nil {
		return "", err
	}
	out, err := session.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := session.RequestPty("xterm", 24, 80, nil); err != nil {
		return "", err
	}
	var said bytes.Buffer
	session.Stderr = &said
	if err := session.Shell(); err != nil {
		return "", err
	}
	screen, all := vt10x.New(vt10x.WithSize(80, 24)), ""
	for buf := make([]byte, 4096); ; {
		n, err := out.Read(buf)
		screen.Write(buf[:n])
		all += string(buf[:n])
		if seen != nil && strings.Contains(screen.String(), want) {
			close(seen)
			seen = nil
		}
		if err == io.EOF {
			if err := session.Wait(); err != nil {
				return all, fmt.Errorf("%w: %s", err, said.String())
			}
			return all, nil
		} else if err != nil {
			return all, err
		}
	}
}

// TestVisitors: an unattended installation is looked at over SSH by two, with the boot line's
// password and the kickstart's, which are told nowhere.
func TestVisitors(t *testing.T) {
	b := newBench(t, goodKickstart+"sshpw --username=ada --plaintext "+visitors+"-ada\n", "console=ttyS0 inst.sshd inst.sshd.password="+visitors)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b.installer.Listen = func(context.Context) (net.Listener, error) { return l, nil }
	root, ada := make(chan struct{}), make(chan struct{})
	b.installer.Steps = []plan.Step{held{root}, adas{held{ada}}}
	ended := make(chan string, 2)
	for user, seen := range map[string]chan struct{}{"root": root, "ada": ada} {
		password := visitors
		if user == "ada" {
			password += "-ada"
		}
		go func() {
			all, err := look(l.Addr().String(), user, password, "Wait to be seen", seen)
			if err != nil {
				t.Errorf("%s: %v", user, err)
				close(seen)
			}
			ended <- all
		}()
	}
	if err := b.installer.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if all := <-ended; !strings.HasSuffix(all, "The installer has ended here.\r\n") {
			t.Errorf("a visit ends with %q", all[max(0, len(all)-200):])
		}
	}
	if r := b.result(t); r.Action != handoff.Reboot {
		t.Errorf("the result is %+v", r)
	}
	console, events := b.read(t, "dev/ttyS0"), b.read(t, "dev/vport1p1")
	if lines := strings.Split(strings.TrimSpace(events), "\n"); !strings.Contains(lines[len(lines)-1], `"type":"done"`) {
		t.Errorf("behind the last event comes %s", lines[len(lines)-1])
	}
	for name, text := range map[string]string{"console": console, "events": events} {
		if !strings.Contains(text, "ssh root@") || !strings.Contains(text, "SHA256:") {
			t.Errorf("the %s doesn't name the address and the host key:\n%s", name, text)
		}
	}
	for _, f := range []string{"dev/vport1p1", "dev/ttyS0", "log/events.jsonl", "log/molt.log", "result.json"} {
		if strings.Contains(b.read(t, f), visitors) {
			t.Errorf("a password is in %s", f)
		}
	}
}

// adas is another step.
type adas struct{ held }

func (adas) ID() string { return "adas" }

// TestNoVisitors: without inst.sshd, or without anything that opens, there is no
// server, and a warning says so.
func TestNoVisitors(t *testing.T) {
	for line, want := range map[string]string{
		"inst.sshd":                           "neither a password nor a key",
		"inst.sshd inst.sshd.password=$1$a$b": "can be checked here",
		"inst.sshd inst.sshd.key=\"ssh-ed25519 AAAA name\"": "read a public key",
		"inst.sshd.password=" + visitors:                    "needs inst.sshd",
	} {
		t.Run(line, func(t *testing.T) {
			b := newBench(t, goodKickstart, "console=ttyS0 "+line)
			b.installer.Listen = func(context.Context) (net.Listener, error) {
				t.Error("there is a server")
				return net.Listen("tcp", "127.0.0.1:0")
			}
			if err := b.installer.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if events := b.read(t, "dev/vport1p1"); !strings.Contains(events, want) || strings.Contains(events, visitors) {
				t.Errorf("no warning with %q, or the password, in\n%s", want, events)
			}
		})
	}
}

// TestWhoIsNamed: the console names somebody who can log in.
func TestWhoIsNamed(t *testing.T) {
	b := newBench(t, goodKickstart+"sshpw --username=ada --plaintext "+visitors+"\n", "console=ttyS0 inst.sshd")
	b.installer.Listen = func(context.Context) (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") }
	if err := b.installer.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if console := b.read(t, "dev/ttyS0"); !strings.Contains(console, "ssh ada@") || strings.Contains(console, "ssh root@") {
		t.Errorf("the console says\n%s", console)
	}
}
