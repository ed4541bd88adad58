package stage1

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/u-root/mkuimage/cpio"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/internal/network"
	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/media/fetch"
	"github.com/molt-installer/molt/media/mediatest"
)

// lateNetwork comes up at the third try, or never.
type lateNetwork struct {
	tries int
	never bool
	each  func()
}

func (n *lateNetwork) Up(context.Context, network.Config) (*handoff.Network, error) {
	if n.each != nil {
		n.each()
	}
	if n.tries++; n.never || n.tries < 3 {
		return nil, errors.New("no DHCP server answers")
	}
	return &handoff.Network{}, nil
}

func (*lateNetwork) Down() {}

// dirServers have the files of a directory at every URL.
type dirServers string

func (d dirServers) Open(context.Context, media.Source, fetch.Options) (fetch.Tree, error) {
	return fetch.Dir(string(d)), nil
}

// lateSession is a session with a server that is reached late.
func lateSession(t *testing.T) (*session, *lateNetwork) {
	t.Helper()
	s := driverSession(t)
	dir, net := t.TempDir(), &lateNetwork{}
	certFile, _ := mediatest.NewAuthority(t, "127.0.0.1").Issue(t, t.TempDir())
	ca, err := os.ReadFile(certFile)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		kickstartName: []byte("text\n"), "ca.pem": ca,
		"updates.img": archive(t, cpio.StaticFile("usr/lib/molt/hello", "new", 0o644)),
		"dd.cpio":     archive(t, cpio.StaticFile("firmware/fast.bin", "code", 0o644)),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.uplink, s.servers = net, dirServers(dir)
	return s, net
}

// TestLateNetwork: whatever a kickstart names at a server is asked for again, as the
// kickstart itself is, and not for ever.
func TestLateNetwork(t *testing.T) {
	for name, says := range map[string]string{
		"include":     "%include http://a/",
		"certificate": "url --url=https://a/x --sslcacert=http://a/",
		"updates":     "updates http://a/",
		"driver disk": "driverdisk --source=http://a/",
		"image":       "liveimg --url=http://a/root.tar",
	} {
		carryOut := func(t *testing.T, s *session, options string) error {
			s.setCommandLine(options)
			if err := withKickstart(t, s, says+"\n"); err != nil {
				return err
			}
			_, err := s.updates(t.Context())
			return err
		}
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, net := lateSession(t)
				if err := carryOut(t, s, ""); err != nil || net.tries != 3 {
					t.Errorf("after %d tries: %v", net.tries, err)
				}
			})
		})
		t.Run(name+", never", func(t *testing.T) {
			for options, least := range map[string]time.Duration{"": time.Minute, "inst.waitfornet=300": 5 * time.Minute} {
				synctest.Test(t, func(t *testing.T) {
					s, net := lateSession(t)
					net.never = true
					start := time.Now()
					err := carryOut(t, s, options)
					if took := time.Since(start); err == nil || !strings.Contains(err.Error(), "no DHCP server answers") || took < least || took > least+30*time.Second {
						t.Errorf("%q: after %v: %v", options, took, err)
					}
				})
			}
		})
	}
}

// TestDriversBeforeTheNetwork: the card may need them.
func TestDriversBeforeTheNetwork(t *testing.T) {
	for name, says := range map[string]string{
		"image": "liveimg --url=http://a/root.tar", "certificate": "url --url=https://a/x --sslcacert=http://a/",
	} {
		t.Run(name, func(t *testing.T) {
			s, net := lateSession(t)
			net.tries = 2
			net.each = func() {
				if len(s.fixed.Drivers) != 1 {
					t.Errorf("the network is brought up with the drivers %q", s.fixed.Drivers)
				}
			}
			disk := filepath.Join(t.TempDir(), "dd.cpio")
			if err := os.WriteFile(disk, archive(t, cpio.StaticFile("firmware/fast.bin", "code", 0o644)), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := withKickstart(t, s, says+"\ndriverdisk --source=file://"+disk+"\n"); err != nil || net.tries != 3 {
				t.Errorf("%d tries: %v", net.tries, err)
			}
		})
	}
}
