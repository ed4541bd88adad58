package stage1

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/internal/network"
	"github.com/molt-installer/molt/loopctl/failover"
	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/media/fetch"
	"github.com/molt-installer/molt/media/verity"
)

// published is a tree at a web server, and the build it belongs to.
type published struct {
	dir   string
	image []byte
	build media.Build
}

func publish(t *testing.T) *published {
	t.Helper()
	data := make([]byte, 700*verity.BlockSize)
	_, _ = rand.NewChaCha8([32]byte{7}).Read(data)
	copy(data, squashfsMagic)
	tree, params, err := verity.Build(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	p := &published{dir: t.TempDir(), image: append(data, tree...)}
	sum := sha256.Sum256(p.image)
	p.build = media.Build{
		Set:    media.Set{ID: "5f0c", Product: "Debian", Version: "13", Arch: "amd64", Discs: 2},
		Stage2: media.File{Path: "images/stage2.img", Size: int64(len(p.image)), SHA256: hex.EncodeToString(sum[:])},
		Verity: &params,
	}
	p.write(t, media.DiscInfoPath, []byte("5f0c\nDebian 13\namd64\n1,2\n"))
	p.write(t, "images/stage2.img", p.image)
	p.write(t, "ks/machine.ks", []byte("rootpw secret\n"))
	return p
}

func (p *published) write(t *testing.T, name string, data []byte) {
	t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func (p *published) serve(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.FileServer(http.Dir(p.dir)))
	t.Cleanup(s.Close)
	return s.URL
}

// serverSession is a session whose mounts are fake and whose servers are real.
func serverSession(t *testing.T, p *published, cmdline string) (*session, *fake, *person) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: FUSE")
	}
	s, f, who := testSession(t)
	s.build = p.build
	s.setCommandLine(cmdline)
	t.Cleanup(func() {
		if err := s.closeMedium(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s, f, who
}

func TestImageFromServers(t *testing.T) {
	p := publish(t)
	flipped := publish(t)
	flipped.image[3*verity.BlockSize] ^= 1
	flipped.write(t, "images/stage2.img", flipped.image)
	good, bad := p.serve(t), flipped.serve(t)
	s, _, _ := serverSession(t, p, "inst.stage2="+bad+" inst.repo="+good+"/nothing inst.repo="+bad+" inst.repo="+good)
	s.opts.Stage2 = append(s.opts.Stage2, good)
	if failure := s.search(t.Context()); failure != nil {
		t.Fatal(failure)
	}
	got, err := os.ReadFile(s.current.image)
	if err != nil || !bytes.Equal(got, p.image) {
		t.Errorf("%d of %d bytes, %v: the flipped bit of the first server isn't to be seen", len(got), len(p.image), err)
	}
	m := s.current.medium
	if !m.Whole || m.Mount != "" || !slices.Equal(m.Sources, []string{bad, good}) || m.URL != bad {
		t.Errorf("%+v", m)
	}
}

func TestServersThatAreNoGood(t *testing.T) {
	p := publish(t)
	other := publish(t)
	other.write(t, media.DiscInfoPath, []byte("old1\nDebian 13\namd64\n1\n"))
	short := publish(t)
	short.write(t, "images/stage2.img", short.image[:len(short.image)-verity.BlockSize])
	noTree := publish(t)
	noTree.image[len(noTree.image)-1] ^= 1 // in the padding of the tree's last block
	noTree.write(t, "images/stage2.img", noTree.image)
	closed := httptest.NewServer(nil)
	closed.Close()
	for name, c := range map[string]struct{ url, says string }{
		"refused":       {closed.URL, "connection refused"},
		"no tree":       {p.serve(t) + "/ks", "no tree of a set"},
		"another build": {other.serve(t), "it is of build old1, this boot medium is of build 5f0c"},
		"cut off":       {short.serve(t), "is not the image of this build"},
		"hash tree":     {noTree.serve(t), "hash tree"},
		"no host":       {"http://nothing.invalid/x", "host name not found"},
	} {
		t.Run(name, func(t *testing.T) {
			s, _, _ := serverSession(t, p, "inst.stage2="+c.url)
			failure := s.search(t.Context())
			if failure == nil || !strings.Contains(failure.Error(), c.says) || !failure.online {
				t.Errorf("%v\ndoesn't say %q", failure, c.says)
			}
			if s.current.image != "" {
				t.Error("there is an image all the same")
			}
		})
	}
}

// TestNoRanges: a server that sends whole files only is good enough when there
// is memory, and named when there isn't.
func TestNoRanges(t *testing.T) {
	p := publish(t)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Range")
		data, err := os.ReadFile(filepath.Join(p.dir, r.URL.Path))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(data)
	}))
	defer web.Close()
	s, f, _ := serverSession(t, p, "inst.stage2="+web.URL)
	f.memory = 64 << 20
	if failure := s.search(t.Context()); failure == nil || !strings.Contains(failure.Error(), "64 MiB are free") {
		t.Errorf("%v", failure)
	}
	f.memory = 512 << 20
	if failure := s.search(t.Context()); failure != nil {
		t.Fatal(failure)
	}
	if got, err := os.ReadFile(s.current.image); err != nil || !bytes.Equal(got, p.image) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// TestImageAlone: the URL of the image is a source of the image, and of nothing else.
func TestImageAlone(t *testing.T) {
	p := publish(t)
	url := p.serve(t) + "/images/stage2.img"
	s, _, _ := serverSession(t, p, "inst.stage2="+url)
	if failure := s.search(t.Context()); failure == nil || !strings.Contains(failure.Error(), "inst.repo=") {
		t.Errorf("%v", failure)
	}
}

func TestKickstartFromAServer(t *testing.T) {
	p := publish(t)
	var cards string
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cards = r.Header.Get("X-RHN-Provisioning-MAC-0")
		http.FileServer(http.Dir(p.dir)).ServeHTTP(w, r)
	}))
	defer web.Close()
	s, f, _ := serverSession(t, p, "inst.ks="+web.URL+"/gone.ks inst.ks="+web.URL+"/ks/machine.ks inst.ks.sendmac")
	ks, err := s.fetchKickstart(t.Context())
	if err != nil || ks.Origin != web.URL+"/ks/machine.ks" {
		t.Fatalf("%+v, %v", ks, err)
	}
	if data, err := os.ReadFile(s.dirs.ks); err != nil || string(data) != "rootpw secret\n" {
		t.Errorf("%q, %v", data, err)
	}
	if cards != "eth0 52:54:00:12:34:56" {
		t.Errorf("the server was told of the card %q", cards)
	}
	if n := len(f.ups); n != 1 {
		t.Errorf("the network was brought up %d times", n)
	}
}

func TestPrivateCA(t *testing.T) {
	p := publish(t)
	web := httptest.NewTLSServer(http.FileServer(http.Dir(p.dir)))
	defer web.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw})
	if err := os.WriteFile(ca, block, 0o600); err != nil {
		t.Fatal(err)
	}
	s, _, _ := serverSession(t, p, "inst.stage2="+web.URL)
	if failure := s.search(t.Context()); failure == nil || !strings.Contains(failure.Error(), "certificate") {
		t.Errorf("an unknown CA: %v", failure)
	}
	s.setCommandLine("inst.stage2=" + web.URL + " inst.cacert=file:" + ca)
	if f := s.trust(t.Context()); f != nil {
		t.Fatal(f)
	}
	if failure := s.search(t.Context()); failure != nil {
		t.Error(failure)
	}
	s.setCommandLine("inst.cacert=file:/etc/hostname")
	if f := s.trust(t.Context()); f == nil || !strings.Contains(f.Error(), "no certificate in PEM") {
		t.Errorf("%v", f)
	}
}

// TestServersInWords: a server that sent damaged blocks never stopped answering.
func TestServersInWords(t *testing.T) {
	at := failover.Health{Source: "http://a/stage2.img"}
	corrupt := &verity.BlockError{Block: 2}
	for _, c := range []struct {
		event failover.Event
		says  string
	}{
		{failover.Event{Err: corrupt, Health: at}, "http://a/stage2.img: block 2 (at byte 8192) isn't what its hash tree covers"},
		{failover.Event{Up: true, Err: corrupt, Health: at}, "http://a/stage2.img is asked again: what it sent last was right"},
		{failover.Event{Err: failover.ErrTimeout, Health: at}, "http://a/stage2.img: no answer in time"},
		{failover.Event{Up: true, Err: failover.ErrTimeout, Health: at}, "http://a/stage2.img answers again"},
		{failover.Event{Err: &fetch.Error{Op: "read", Where: "http://a/stage2.img", Reason: fetch.ErrRefused}, Health: at},
			"http://a/stage2.img: " + (&fetch.Error{Reason: fetch.ErrRefused}).Why()},
	} {
		if got := inWords(c.event); got != c.says {
			t.Errorf("%q, want %q", got, c.says)
		}
	}
}

// connections are those that servers have open.
type connections struct {
	mu   sync.Mutex
	open map[net.Conn]bool
	none chan struct{} // gets something whenever the last is closed
}

func (c *connections) serve(t *testing.T, p *published) string {
	t.Helper()
	web := httptest.NewUnstartedServer(http.FileServer(http.Dir(p.dir)))
	web.Config.ConnState = func(conn net.Conn, state http.ConnState) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if state != http.StateClosed {
			c.open[conn] = true
			return
		}
		delete(c.open, conn)
		if len(c.open) == 0 {
			select {
			case c.none <- struct{}{}:
			default:
			}
		}
	}
	web.Start()
	t.Cleanup(web.Close)
	return web.URL
}

// forget forgets that there were none for a while.
func (c *connections) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.none:
	default:
	}
}

// TestServersLeftAlone: when the last who had the image open has gone, no server has a
// connection any more, and one that is down isn't asked whether it is back.
func TestServersLeftAlone(t *testing.T) {
	p := publish(t)
	flipped := publish(t)
	flipped.image[3*verity.BlockSize] ^= 1
	flipped.write(t, "images/stage2.img", flipped.image)
	conns := &connections{open: map[net.Conn]bool{}, none: make(chan struct{}, 1)}
	good, bad := conns.serve(t, p), conns.serve(t, flipped)
	s, _, _ := serverSession(t, p, "inst.stage2="+bad+" inst.stage2="+good)
	if failure := s.search(t.Context()); failure != nil {
		t.Fatal(failure)
	}
	f, err := os.Open(s.current.image) // as the loop device has it
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	stop := s.leaveUnread(t.Context())
	if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, p.image) {
		t.Errorf("%d of %d bytes, %v", len(got), len(p.image), err)
	}
	image := s.current.streamed.image
	if h := image.Health(); h[0].State == failover.Closed || h[1].State != failover.Closed {
		t.Errorf("%+v", h)
	}
	conns.forget()
	f.Close()
	select {
	case <-conns.none:
	case <-time.After(30 * time.Second):
		t.Error("there are still connections")
	}
	stop()
	if _, err := image.ReadAt(t.Context(), make([]byte, 1), 0); !errors.Is(err, failover.ErrClosed) {
		t.Errorf("it is still read: %v", err)
	}
}

// TestNoNetwork: each interface is an attempt with its one reason.
func TestNoNetwork(t *testing.T) {
	s, f, _ := serverSession(t, publish(t), "inst.stage2=http://server/tree")
	f.net = &network.Error{States: []network.State{
		{Interface: "eth0", Step: network.StepLink, Reason: network.ErrNoLink},
		{Interface: "eth1", Step: network.StepAddress, Reason: network.ErrNoDHCP},
	}}
	failure := s.search(t.Context())
	for _, want := range []string{"eth0  no link", "eth1  no answer to DHCP", "network by hand"} {
		if failure == nil || !strings.Contains(failure.Error(), want) {
			t.Errorf("%v\ndoesn't say %q", failure, want)
		}
	}
}

// TestSourceByHand: what is typed takes the place of what was named, and the
// network is brought up anew.
func TestSourceByHand(t *testing.T) {
	p := publish(t)
	url := p.serve(t)
	s, f, who := serverSession(t, p, "quiet inst.stage2=http://x:secret@nothing.invalid/ inst.repo=cdrom ip=off")
	s.network = &handoff.Network{}
	who.answers = []string{"u", url, "n", "dhcp", "10.0.2.3"}
	for _, down := range []bool{false, true} { // with another network only
		if a := s.menu(t.Context(), errors.New("x")); a != handoff.Retry {
			t.Fatalf("%q", a)
		}
		if slices.Contains(f.calls, "down") != down {
			t.Errorf("%v, and down is to be among them: %v", f.calls, down)
		}
	}
	if want := "quiet inst.stage2=" + url + " ip=dhcp nameserver=10.0.2.3"; s.cmdline != want {
		t.Errorf("%q, want %q", s.cmdline, want)
	}
	if strings.Contains(who.String(), "secret") {
		t.Errorf("%v\n%s", f.calls, who)
	}
	if failure := s.search(t.Context()); failure != nil {
		t.Error(failure)
	}
}

// TestAnotherSourceOfTheSameNetwork: the network that is up is used for it if it
// answers there, and brought up anew if it doesn't.
func TestAnotherSourceOfTheSameNetwork(t *testing.T) {
	p := publish(t)
	closed := httptest.NewServer(nil)
	closed.Close()
	s, f, who := serverSession(t, p, "ip=dhcp inst.stage2="+p.serve(t)+"/ks")
	for _, c := range []struct {
		source string
		ups    int
		found  bool
	}{{"", 1, false}, {closed.URL, 2, false}, {p.serve(t), 3, true}, {p.serve(t) + "/images/stage2.img inst.repo=" + p.serve(t), 3, true}} {
		if c.source != "" {
			who.answers = []string{"e", "-inst.stage2 inst.stage2=" + c.source}
			if a := s.menu(t.Context(), errors.New("x")); a != handoff.Retry {
				t.Fatalf("%q", a)
			}
		}
		if err := s.closeMedium(t.Context()); err != nil {
			t.Fatal(err)
		}
		failure := s.search(t.Context())
		if (failure == nil) != c.found || len(f.ups) != c.ups {
			t.Errorf("%q: %v; brought up %d times, want %d", c.source, failure, len(f.ups), c.ups)
		}
	}
	if slices.Contains(f.calls, "down") {
		t.Errorf("%v", f.calls)
	}
}
