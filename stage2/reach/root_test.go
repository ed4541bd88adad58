package reach

import (
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/internal/linuxhost"
	"github.com/molt-installer/molt/internal/network"
	"github.com/molt-installer/molt/internal/nstest"
	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/media/mediatest"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
)

// TestRealNetwork brings a real network up and takes it down again, with a DHCP server at
// the other end of the cable.
func TestRealNetwork(t *testing.T) {
	if !nstest.Inside(t) {
		if os.Geteuid() != 0 {
			t.Skip("needs root, for a network namespace")
		}
		for _, program := range []string{"dnsmasq", "ip"} {
			if _, err := exec.LookPath(program); err != nil {
				t.Skipf("needs %s (molt deps installs it)", program)
			}
		}
		nstest.Again(t, unix.CLONE_NEWNET|unix.CLONE_NEWNS|unix.CLONE_NEWUTS|unix.CLONE_NEWPID)
		return
	}
	for _, m := range []struct{ source, target, fstype string }{{"proc", "/proc", "proc"}, {"tmpfs", "/run", "tmpfs"}} {
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mount(m.source, m.target, m.fstype, 0, ""); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range []string{
		"link set lo up", "netns add far", "link add eth0 type veth peer name eth0far netns far", "link add eth1 type veth peer name eth1far netns far",
		"-n far addr add 10.1.0.1/24 dev eth0far", "-n far link set eth0far up",
	} {
		nstest.IP(t, args)
	}
	serveDHCP(t)
	n := NewNetwork(handoff.Record{}, func() string { return "" })
	n.patience = 15 * time.Second
	n.resolv, n.own = filepath.Join(t.TempDir(), "resolv.conf"), filepath.Join(t.TempDir(), "own")
	n.cards = func() []machine.Interface { // veths are no cards to linuxhost
		return []machine.Interface{{Name: "eth0", Addresses: addressesOf(t, "eth0")}, {Name: "eth1", Addresses: addressesOf(t, "eth1")}}
	}
	if err := n.Wake(); err != nil {
		t.Fatal(err)
	}
	if err := n.Apply(t.Context(), []config.Network{{Device: "eth0", Method: "dhcp", IPv6: "off"}}); err != nil {
		t.Fatal(err)
	}
	pool := netip.MustParsePrefix("10.1.0.48/28")
	got := n.Interfaces()[0]
	if len(got.Addresses) != 1 || !pool.Contains(netip.MustParsePrefix(got.Addresses[0]).Addr()) || got.From != "dhcp" {
		t.Errorf("eth0 is %+v", got)
	}
	if !strings.Contains(n.servers(t), "nameserver 10.1.0.1\n") {
		t.Errorf("resolv.conf:\n%s", n.servers(t))
	}
	n.patience = time.Second
	err := n.Apply(t.Context(), []config.Network{{Device: "eth1", Method: "static", Address: "10.2.0.5/24", IPv6: "off"}})
	if err == nil || !strings.HasPrefix(err.Error(), "eth1: "+lacking(network.State{Reason: network.ErrNoLink}, 0)) {
		t.Errorf("without a cable: %v", err)
	}
	if all := n.Interfaces(); len(all[0].Addresses)+len(all[1].Addresses) > 0 || n.servers(t) != "" {
		t.Errorf("in the end %+v, resolv.conf %s", all, n.servers(t))
	}
}

func addressesOf(t *testing.T, name string) []string {
	t.Helper()
	i, err := net.InterfaceByName(name)
	if err != nil {
		t.Fatal(err)
	}
	list, err := i.Addrs()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, a := range list {
		if p := netip.MustParsePrefix(a.String()); !p.Addr().IsLinkLocalUnicast() {
			all = append(all, p.String())
		}
	}
	return all
}

// serveDHCP starts a server in the namespace "far", and returns when it serves.
func serveDHCP(t *testing.T) {
	t.Helper()
	cmd := exec.Command("ip", "netns", "exec", "far", "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--user=root", "--no-resolv", "--no-hosts",
		"--bind-dynamic", "--no-ping", "--log-facility=-", "--pid-file=", "--dhcp-leasefile="+filepath.Join(t.TempDir(), "leases"),
		"--dhcp-range=10.1.0.50,10.1.0.60,255.255.255.0,1h")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	serving := &awaited{text: "started, version", found: make(chan struct{})}
	cmd.Stderr = serving
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
	select {
	case <-serving.found:
	case err := <-ended:
		ended <- err
		t.Fatalf("the DHCP server ended: %v, %s", err, serving.said.String())
	}
}

// awaited is output in which a text is waited for.
type awaited struct {
	text  string
	found chan struct{}
	said  strings.Builder
	seen  bool
}

func (a *awaited) Write(p []byte) (int, error) {
	a.said.Write(p)
	if !a.seen && strings.Contains(a.said.String(), a.text) {
		a.seen = true
		close(a.found)
	}
	return len(p), nil
}

// TestRealImage takes the packages from an ISO image that is a file on a volume, which mount(8) mounts.
func TestRealImage(t *testing.T) {
	if !nstest.Inside(t) {
		if os.Geteuid() != 0 {
			t.Skip("needs root, to mount")
		}
		if _, err := os.Stat("/dev/loop-control"); err != nil {
			t.Skip("needs loop devices")
		}
		_ = exec.Command("modprobe", "iso9660").Run() // or it is built in, or there is none
		if known, err := os.ReadFile("/proc/filesystems"); err != nil || !strings.Contains(string(known), "iso9660") {
			t.Skip("needs ISO 9660 in the kernel")
		}
		nstest.Again(t, unix.CLONE_NEWNS|unix.CLONE_NEWPID)
		return
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		t.Fatal(err)
	}
	store := mediatest.InISO(t, mediatest.NewStore(map[string][]byte{media.DiscInfoPath: []byte(disc1), "molt/set/InRelease": []byte(index)}))
	image, ok := store.Get(mediatest.ImageName)
	if !ok {
		t.Fatal("no image")
	}
	dir := t.TempDir()
	for name, data := range map[string][]byte{"disc1.iso": image.Data, "broken.iso": []byte("nothing")} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	u := &user{}
	record := handoff.Record{Build: testBuild(), Medium: handoff.Medium{URL: "cdrom:/dev/sr0", Mount: tree(t, disc1)}}
	s := NewSource(Config{Host: linuxhost.New(), Record: record, Adopt: u.adopt, Tell: func(what string) { t.Error(what) }})
	s.at = filepath.Join(t.TempDir(), "source")
	if err := s.Use(t.Context(), "file:"+dir+"/broken.iso"); err == nil || !strings.Contains(err.Error(), "it can't be mounted as the image of a disc: mount: ") {
		t.Errorf("a file that is no image: %v", err)
	}
	if err := s.Use(t.Context(), "file:"+dir); err != nil {
		t.Fatal(err)
	}
	m := u.took[0]
	if data, err := os.ReadFile(filepath.Join(m.Mount, "molt/set/InRelease")); err != nil || string(data) != index || m.Images != dir {
		t.Errorf("%+v: read %q, %v", m, data, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(m.Mount, "molt")); err == nil {
		t.Error("it is still mounted")
	}
}
