package lan

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/molt-installer/molt/internal/nstest"
	"github.com/molt-installer/molt/internal/vm"
	"github.com/molt-installer/molt/internal/vm/vmtest"
)

// The host on the network, where all servers are, and the names of it.
const (
	Host4 = "10.77.0.1"
	Host6 = "fd77::1"
	Name  = "mirror.test"
)

// LAN is a switch with a host on it.
type LAN struct {
	t     testing.TB
	ports int
}

// New makes an empty one. It is there until the test's process ends.
func New(t testing.TB) *LAN {
	t.Helper()
	nstest.IP(t, "link add switch type bridge")
	do(t, os.WriteFile("/proc/sys/net/ipv6/conf/switch/accept_dad", []byte("0"), 0))
	nstest.IP(t, "link set switch up")
	nstest.IP(t, "addr add "+Host4+"/24 dev switch")
	nstest.IP(t, "addr add "+Host6+"/64 dev switch nodad")
	return &LAN{t: t}
}

// Address gives the host one more.
func (l *LAN) Address(prefix string) { l.t.Helper(); nstest.IP(l.t, "addr add "+prefix+" dev switch") }

// Route tells the host that an address is on the network.
func (l *LAN) Route(prefix string) { l.t.Helper(); nstest.IP(l.t, "route add "+prefix+" dev switch") }

// NIC is a card that is plugged into the switch.
func (l *LAN) NIC() vm.NIC {
	l.t.Helper()
	tap := l.port()
	return vm.NIC{Backend: "tap,ifname=" + tap + ",script=no,downscript=no", MAC: MAC(l.ports)}
}

// MAC is the address of the n-th card, from 1.
func MAC(n int) string { return fmt.Sprintf("52:54:00:77:00:%02x", n) }

// port adds a port to the switch: a tap device.
func (l *LAN) port() string {
	l.t.Helper()
	l.ports++
	tap := fmt.Sprintf("port%d", l.ports)
	nstest.IP(l.t, "tuntap add dev "+tap+" mode tap")
	nstest.IP(l.t, "link set "+tap+" master switch up")
	return tap
}

// DHCP starts a server that gives addresses by DHCP, and names. The host is the
// gateway too.
func (l *LAN) DHCP() *Server {
	l.t.Helper()
	return l.dnsmasq("--dhcp-range=10.77.0.10,10.77.0.99,10m")
}

// Advertise starts a server that sends IPv6 router advertisements (their
// network, this host as the router and for names), and nothing for IPv4.
func (l *LAN) Advertise() *Server {
	l.t.Helper()
	return l.dnsmasq("--enable-ra", "--dhcp-range=fd77::,ra-only", "--ra-param=switch,10,600")
}

// dnsmasq starts one that knows the host's name.
func (l *LAN) dnsmasq(args ...string) *Server {
	l.t.Helper()
	return l.start("started, version", "dnsmasq", append([]string{
		"--keep-in-foreground", "--conf-file=/dev/null", "--user=root", "--no-resolv", "--no-hosts", "--bind-dynamic", "--interface=switch",
		"--no-ping", "--log-dhcp", "--log-facility=-", "--pid-file=", "--dhcp-leasefile=" + l.t.TempDir() + "/leases",
		"--local=/test/", "--address=/" + Name + "/" + Host4, "--address=/" + Name + "/" + Host6,
	}, args...)...)
}

// HTTP starts a web server that shows a directory as "/".
func (l *LAN) HTTP(dir string) *Server {
	l.t.Helper()
	conf := l.write("nginx.conf", `daemon off; master_process off; pid /run/nginx.pid; error_log stderr; user root;
events {}
http { access_log /dev/stderr; server { listen 80; listen [::]:80; root `+dir+`; } }
`)
	s := l.start("", "nginx", "-e", "stderr", "-c", conf)
	l.listens("80")
	return s
}

// NFSExport is what NFS exports the directory as.
const NFSExport = "/srv/set"

// NFS starts an NFS server, of versions 3 and 4, that exports a directory to everybody.
func (l *LAN) NFS(dir string) *Server {
	l.t.Helper()
	l.portmapper()
	return l.ganesha(dir, "2049", "20048")
}

// NFSAt is NFS at other ports, which nobody tells.
func (l *LAN) NFSAt(dir, port, mountPort string) *Server {
	l.t.Helper()
	telling := l.portmapper() // without which Ganesha doesn't start
	s := l.ganesha(dir, port, mountPort)
	do(l.t, telling.cmd.Process.Kill())
	return s
}

// portmapper starts the server that tells the ports of the others.
func (l *LAN) portmapper() *Server {
	l.t.Helper()
	vmtest.Need(l.t, "ganesha.nfsd", "rpcbind")
	s := l.start("", "rpcbind", "-f", "-w")
	l.listens("111")
	return s
}

func (l *LAN) ganesha(dir, port, mountPort string) *Server {
	l.t.Helper()
	dir, err := filepath.EvalSymlinks(dir) // Ganesha doesn't
	do(l.t, err)
	conf := l.write("ganesha.conf", strings.NewReplacer("DIR", dir, "NFSPORT", port, "MNTPORT", mountPort).Replace(`
NFS_CORE_PARAM { Protocols = 3, 4; NFS_Port = NFSPORT; MNT_Port = MNTPORT; Enable_NLM = false; Enable_RQUOTA = false; mount_path_pseudo = true; }
NFSv4 { Graceless = true; Minor_Versions = 0, 1, 2; }
EXPORT {
	Export_Id = 1; Path = DIR; Pseudo = `+NFSExport+`; Access_Type = RO; Squash = No_Root_Squash;
	SecType = sys; Protocols = 3, 4; Transports = TCP; FSAL { Name = VFS; }
}
`))
	s := l.start("", "ganesha.nfsd", "-F", "-L", "/dev/stderr", "-N", "NIV_EVENT", "-p", "/run/ganesha.pid", "-f", conf)
	l.listens(port)
	return s
}

// write makes a file for a server.
func (l *LAN) write(name, text string) string {
	l.t.Helper()
	path := l.t.TempDir() + "/" + name
	do(l.t, os.WriteFile(path, []byte(text), 0o644))
	return path
}
