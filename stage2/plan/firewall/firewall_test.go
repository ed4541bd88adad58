package firewall

import (
	"errors"
	"flag"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/internal/golden"
	"github.com/molt-installer/molt/internal/nstest"
	"github.com/molt-installer/molt/stage2/config"
)

var _ = flag.Bool("update", false, "write the golden files anew")

func cases() map[string]config.Firewall {
	return map[string]config.Firewall{
		"default": {Mode: "enabled"},
		"closed":  {Mode: "enabled", Removed: []string{"ssh", "dhcpv6-client"}},
		"all": {
			Mode: "enabled", Trusted: []string{"eth1", "wg+", "eth1"}, Services: []string{"ftp", "https", "ipsec", "samba", "dns", "dhcpv6-client"},
			Ports: []string{"22:tcp", "5000-5010:udp", "5011:udp", "5005-5008:udp", "imap:tcp", "9:sctp", "9:dccp"}, Removed: []string{"ssh"},
		},
	}
}

func TestGolden(t *testing.T) {
	for name, f := range cases() {
		text, wrong, idle := Ruleset(f)
		if len(wrong)+len(idle) > 0 {
			t.Errorf("%s: %q, %q", name, wrong, idle)
		}
		golden.Check(t, filepath.Join("testdata", name+".nft"), text)
	}
}

func TestWrong(t *testing.T) {
	for name, tt := range map[string]struct {
		f    config.Firewall
		want string
	}{
		"unknown":      {config.Firewall{Services: []string{"htpps"}}, "did you mean https?"},
		"far off":      {config.Firewall{Services: []string{"quite-something-else"}}, "that name; a port can be given instead"},
		"port by name": {config.Firewall{Ports: []string{"imapp:tcp"}}, "did you mean imap?"},
		"protocol":     {config.Firewall{Ports: []string{"imap:sctp"}}, "imap has no port of sctp"},
		"both":         {config.Firewall{Services: []string{"ssh"}, Removed: []string{"ssh"}}, "leave one of them out"},
		"interface":    {config.Firewall{Trusted: []string{"eth0\" accept; #"}}, "not the name of an interface"},
		"long":         {config.Firewall{Trusted: []string{"abcdefghijklmnop"}}, "not the name of an interface"},
	} {
		_, wrong, _ := Ruleset(tt.f)
		if len(wrong) != 1 || !strings.Contains(wrong[0], tt.want) {
			t.Errorf("%s: %q", name, wrong)
		}
	}
	if _, wrong, idle := Ruleset(config.Firewall{Removed: []string{"mdns"}}); len(wrong) > 0 || len(idle) != 1 || !strings.Contains(idle[0], "mdns") {
		t.Errorf("removed and never there: %q, %q", wrong, idle)
	}
}

// TestServices: every line of the table is a name with what it stands for, and the four that
// kickstart has options for are among them.
func TestServices(t *testing.T) {
	for line := range strings.Lines(services) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		for _, w := range words[1:] {
			ports, protocol, has := strings.Cut(w, "/")
			if _, ok := number(ports); has && (!ok || !strings.Contains(" tcp udp sctp dccp ", " "+protocol+" ")) || len(words) < 2 {
				t.Errorf("%q", line)
			}
		}
	}
	for _, name := range append(usual(), "ssh", "smtp", "http", "ftp") {
		if _, ok := lookUp(name); !ok {
			t.Errorf("%s is not known", name)
		}
	}
}

// isolated runs the test in a network of its own, where it may load rules.
func isolated(t *testing.T) bool {
	if nstest.Inside(t) {
		return true
	}
	if os.Getuid() != 0 {
		t.Skip("needs root, for a network namespace")
	}
	for _, p := range []string{"nft", "ip"} {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("needs %s (molt deps installs it)", p)
		}
	}
	nstest.Again(t, unix.CLONE_NEWNET|unix.CLONE_NEWNS)
	return false
}

// nft runs nft(8) on a ruleset.
func nft(t *testing.T, text string, args ...string) {
	t.Helper()
	c := exec.Command("nft", append(args, "-f", "-")...)
	c.Stdin = strings.NewReader(text)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("nft: %v: %s\n%s", err, out, text)
	}
}

// TestNft: nft(8) understands what is written, and so does the kernel.
func TestNft(t *testing.T) {
	if !isolated(t) {
		return
	}
	if out, err := exec.Command("nft", "list", "ruleset").CombinedOutput(); err != nil {
		t.Skipf("this kernel has no nf_tables: %v: %s", err, out)
	}
	for name, f := range cases() {
		t.Run(name, func(t *testing.T) {
			text, _, _ := Ruleset(f)
			nft(t, text, "--check")
		})
	}
}

// TestPorts loads a ruleset and calls from outside: what is let in answers, another port, at
// which somebody listens just so, doesn't, and a trusted interface reaches it.
func TestPorts(t *testing.T) {
	if !isolated(t) {
		return
	}
	if out, err := exec.Command("nft", "list", "ruleset").CombinedOutput(); err != nil {
		t.Skipf("this kernel has no nf_tables: %v: %s", err, out)
	}
	far := network(t)
	for _, port := range []string{"22", "23", "5432"} {
		l, err := net.Listen("tcp", "192.0.2.1:"+port)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
	}
	for name, tt := range map[string]struct {
		f    config.Firewall
		open map[string]bool
	}{
		"default": {config.Firewall{}, map[string]bool{"22": true, "23": false, "5432": false}},
		"asked":   {config.Firewall{Removed: []string{"ssh"}, Ports: []string{"5432:tcp"}}, map[string]bool{"22": false, "23": false, "5432": true}},
		"trusted": {config.Firewall{Removed: []string{"ssh"}, Trusted: []string{"near"}}, map[string]bool{"22": true, "23": true, "5432": true}},
	} {
		text, _, _ := Ruleset(tt.f)
		nft(t, text)
		for port, open := range tt.open {
			if err := far(port, open); (err == nil) != open {
				t.Errorf("%s: port %s is open: %v, want %v (%v)", name, port, err == nil, open, err)
			}
		}
		if out, err := exec.Command("ping", "-c1", "-W60", "192.0.2.2").CombinedOutput(); err != nil && !errors.Is(err, exec.ErrNotFound) {
			t.Errorf("%s: no answer to what is sent out: %v: %s", name, err, out)
		}
	}
}

// network plugs a cable into this namespace, and returns how to call from its other end.
func network(t *testing.T) func(port string, open bool) error {
	t.Helper()
	runtime.LockOSThread() // it never changes namespaces; the caller below does, on a thread that ends
	for _, m := range []error{unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""), unix.Mount("tmpfs", "/run", "tmpfs", 0, "")} {
		if m != nil {
			t.Fatal(m)
		}
	}
	for _, args := range []string{"link set lo up", "netns add far", "link add near type veth peer name far netns far", "addr add 192.0.2.1/24 dev near",
		"link set near up", "-n far addr add 192.0.2.2/24 dev far", "-n far link set far up"} {
		nstest.IP(t, args)
	}
	return func(port string, open bool) error {
		patience := time.Second // dropped: nothing comes, however long one waits
		if open {
			patience = time.Minute
		}
		done := make(chan error)
		go func() {
			runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
			done <- call(port, patience)
		}()
		return <-done
	}
}

// call connects from the far namespace, in which its thread then is.
func call(port string, patience time.Duration) error {
	ns, err := os.Open("/run/netns/far")
	if err != nil {
		return err
	}
	defer ns.Close()
	if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
		return err
	}
	conn, err := net.DialTimeout("tcp", "192.0.2.1:"+port, patience)
	if err != nil {
		return err
	}
	return conn.Close()
}
