package plan

import (
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/molt-installer/molt/internal/handoff"
)

// needs skips a test that needs root, a network namespace and these programs.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, for a network namespace")
	}
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("needs %s (molt deps installs it)", p)
		}
	}
	if out, err := exec.Command("unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "true").CombinedOutput(); err != nil {
		t.Skipf("can't make a network namespace here: %v: %s", err, out)
	}
}

// inNamespace runs a script in a network namespace of its own, with the cards
// of n: the ends of cables that are plugged in, their other ends in the network
// namespace "far". What it has started ends with it.
func inNamespace(t *testing.T, n handoff.Network, script string) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("mount --make-rprivate /\nmount -t tmpfs tmpfs /run\nmount -t sysfs -o ro sysfs /sys\nip link set lo up\nip netns add far\nip -n far link set lo up\n")
	for _, i := range n.Interfaces {
		switch {
		case i.Kind != "ethernet":
			continue
		case i.MAC == "":
			b.WriteString("ip link add " + i.Name)
		default: // it has another name in the new system
			b.WriteString("ip link add x" + i.Name + " address " + i.MAC)
		}
		b.WriteString(" type veth peer name " + i.Name + "far netns far\nip -n far link set " + i.Name + "far up\n")
	}
	out, err := exec.Command("unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "sh", "-ec", b.String()+script).CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	return string(out)
}

// TestBondWords: ip(8) knows every option, and the names of its values. Whether
// the kernel has bonds doesn't matter: the words are read first.
func TestBondWords(t *testing.T) {
	needs(t, "ip", "unshare")
	for name, o := range bondTable() {
		values := o.values
		switch {
		case name == "arp_ip_target":
			values = []string{"192.0.2.1;192.0.2.2"}
		case name == "ad_actor_system":
			values = []string{"02:00:00:00:00:01"}
		case values == nil:
			values = []string{"1"}
		}
		for _, v := range values {
			out, _ := exec.Command("unshare", "--net", "sh", "-c", "ip link add b0 type bond "+bondWords([]string{name + "=" + v})).CombinedOutput()
			if said := string(out); strings.Contains(said, "unknown") || strings.Contains(said, "invalid") || strings.Contains(said, "Usage") {
				t.Errorf("%s=%s: %s", name, v, said)
			}
		}
	}
}

// TestIfupdownReads has ifupdown read every file and say what it would do.
func TestIfupdownReads(t *testing.T) {
	needs(t, "ifup")
	for _, name := range allRecords(t) {
		for _, c := range []dhcpClients{{dhcpcd: true}, {dhclient: true}, {dhcpcd: true, dhclient: true}, {}} {
			n, _ := taken(t, name)
			text := interfacesFile(n, c)
			file := filepath.Join(t.TempDir(), "interfaces")
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			args := []string{"--no-act", "--verbose", "--force", "--state-dir", t.TempDir(), "--interfaces", file}
			for _, m := range regexp.MustCompile(`(?m)^auto (?:mac/\S+=)?(\S+)$`).FindAllStringSubmatch(text, -1) {
				args = append(args, "x"+m[1]+"="+m[1])
			}
			out, err := exec.Command("ifup", args...).CombinedOutput()
			said := string(out)
			// The clients are the host's; what ifupdown says of those is nothing about the file.
			if err != nil && !strings.Contains(said, "client software found") {
				t.Errorf("%s, %+v: %v\n%s\n%s", name, c, err, said, text)
			}
			for line := range strings.Lines(said) {
				if strings.HasPrefix(line, "ifup: ") && !strings.Contains(line, "configuring interface") || strings.Contains(line, file) {
					t.Errorf("%s, %+v: %s\n%s", name, c, line, text)
				}
			}
		}
	}
}

// looks are what must be so, whatever sets the network up: its expressions
// match what ip(8) shows.
func looks(t *testing.T, name, out string) {
	t.Helper()
	want := map[string][]string{
		"bridge": {
			`xeth0@\S+:.* master br0 `, `xeth1@\S+:.* master br0 `, `br0 +inet 192\.0\.2\.5/24 `, `(?m)^default via 203\.0\.113\.1 dev br0 .*onlink`,
			`(?m)^10\.0\.0\.0/8 via 192\.0\.2\.254 dev br0`,
			`br0: .*\n? +link/ether 52:54:00:00:00:01`, // a card's, as when it was installed
		},
		"static": {
			`xeth0 +inet 192\.0\.2\.5/24 `, `xeth0 +inet 192\.0\.2\.6/24 `, `xeth0@.* mtu 1400 .*\n? +link/ether 02:00:00:00:00:0a`,
			`(?m)^default via 203\.0\.113\.1 dev xeth0 .*onlink`, `xeth1 +inet 10\.1\.0\.5/16 `, `xeth1 +inet6 2001:db8:1::5/64 `,
			`(?m)^default via 2001:db8:1::1 dev xeth1`, `(?m)^10\.0\.0\.0/8 via 10\.1\.0\.254 dev xeth1`,
			`(?m)^172\.16\.0\.0/12 via 203\.0\.113\.2 dev xeth0 .*onlink`, `(?m)^2001:db8:ff::/48 via 2001:db8:1::ff dev xeth1`,
			`(?m)^198\.51\.100\.0/24 dev xeth1`,
		},
	}
	for _, w := range want[name] {
		if !regexp.MustCompile(w).MatchString(out) {
			t.Errorf("%s: nothing looks like %s in\n%s", name, w, out)
		}
	}
}

const show = "ip link show; ip -o addr show; ip route show; ip -6 route show\n"

// TestIfupdown sets the network up by ifupdown, takes it down, and sets it up again.
func TestIfupdown(t *testing.T) {
	needs(t, "ifup", "ip", "unshare")
	for _, name := range []string{"static", "bridge"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n, _ := taken(t, name)
			file := filepath.Join(t.TempDir(), "interfaces")
			text := strings.ReplaceAll(interfacesFile(n, dhcpClients{}), "source ", "#") // what else the host has
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			up := "mkdir -p /run/network\nifup -a -i " + file + "\n" + show
			first, second, _ := strings.Cut(inNamespace(t, n, up+"echo AGAIN\nifdown -a -i "+file+"\n"+up), "AGAIN")
			looks(t, name, first)
			looks(t, name, second)
		})
	}
}

// TestDhcpcd gets addresses by ifupdown and dhcpcd from dnsmasq: IPv4 and router
// advertisements on one card, nothing but DHCPv6 on the other.
func TestDhcpcd(t *testing.T) {
	needs(t, "ifup", "dhcpcd", "dnsmasq", "ip", "unshare")
	t.Parallel()
	n := handoff.Network{Interfaces: []handoff.Interface{
		{Name: "eth0", MAC: "52:54:00:00:00:01", Kind: "ethernet", IPv4: "dhcp", IPv6: "auto", Usable: true},
		{Name: "eth1", MAC: "52:54:00:00:00:02", Kind: "ethernet", IPv6: "dhcp"},
	}, DNS: []netip.Addr{netip.MustParseAddr("192.0.2.53")}}
	dir := t.TempDir()
	text := strings.ReplaceAll(interfacesFile(n, dhcpClients{dhcpcd: true}), "source ", "#")
	if err := os.WriteFile(filepath.Join(dir, "interfaces"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "head"), []byte(ownServers(n)), 0o644); err != nil {
		t.Fatal(err)
	}
	const serve = "ip netns exec far dnsmasq --conf-file=/dev/null --user=root --no-resolv --no-hosts --port=0 --bind-interfaces --no-ping --leasefile-ro "
	out := inNamespace(t, n, `cd `+dir+`
mkdir mnt; mount -t tmpfs tmpfs mnt; mkdir mnt/upper mnt/work
mount -t overlay overlay -o lowerdir=/etc,upperdir=mnt/upper,workdir=mnt/work /etc
cp head /etc/resolv.conf.head
mkdir -p /run/network; mount -t tmpfs tmpfs /var/lib/dhcpcd
ip -n far addr add 10.9.0.1/24 dev eth0far; ip -n far addr add 2001:db8:9::1/64 dev eth0far nodad; ip -n far addr add 2001:db8:8::1/64 dev eth1far nodad
`+serve+`--interface=eth0far --pid-file=/run/a.pid --dhcp-range=10.9.0.50,10.9.0.99,1h --enable-ra --dhcp-range=2001:db8:9::,slaac,64,1h
`+serve+`--interface=eth1far --pid-file=/run/b.pid --dhcp-range=2001:db8:8::100,2001:db8:8::1ff,64,1h
ifup -a -i interfaces
# dhcpcd goes on when one family is there.
ip monitor address >seen & ip -o addr show >>seen
timeout 30 sh -c 'tail -f -n +1 seen | grep -q -m1 "inet 10\.9\.0\."'
`+show+`cat /etc/resolv.conf; ifdown -a -i interfaces; pidof dhcpcd && echo still there || true
`)
	for _, want := range []string{
		`xeth0 +inet 10\.9\.0\.\d+/24 `, `xeth0 +inet6 2001:db8:9:`, `xeth1 +inet6 2001:db8:8::1..?/128 `, `(?m)^default via 10\.9\.0\.1 dev xeth0`,
		`(?m)^default via fe80::\S+ dev xeth0`, `(?m)^nameserver 192\.0\.2\.53$`,
	} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("nothing looks like %s in\n%s", want, out)
		}
	}
	if strings.Contains(out, "still there") {
		t.Errorf("dhcpcd is still there:\n%s", out)
	}
}

// nowMAC matches cards by the addresses that they have: the end of a cable has
// no permanent one.
func nowMAC(n handoff.Network, text string) string {
	for _, i := range n.Interfaces {
		if i.MAC != "" {
			text = strings.ReplaceAll(text, "PermanentMACAddress="+i.MAC, strings.TrimSpace("Kind=veth\nMACAddress="+i.MAC+" "+i.SetMAC))
		}
	}
	return text
}

// TestNetworkd sets the network up by systemd-networkd, which must know every
// word of every record's files.
func TestNetworkd(t *testing.T) {
	const networkd, online = "/usr/lib/systemd/systemd-networkd", "/usr/lib/systemd/systemd-networkd-wait-online"
	needs(t, "ip", "unshare", networkd, online)
	for _, name := range allRecords(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n, _ := taken(t, name)
			dir := t.TempDir()
			for _, f := range append(networkdFiles(n), linkFiles(n)...) {
				text := nowMAC(n, f.text)
				if err := os.WriteFile(filepath.Join(dir, filepath.Base(f.name)), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			script := "mkdir -p /run/systemd/netif/links /run/systemd/netif/leases /run/systemd/netif/lldp\nchown -R systemd-network:systemd-network /run/systemd/netif\n" +
				"cp -r " + dir + " /run/systemd/network\nchmod -R a+rX /run/systemd/network\n" +
				"SYSTEMD_LOG_TARGET=console " + networkd + " &\nserver=$!\n"
			settled := name == "static" || name == "bridge"
			if settled {
				script += online + " --timeout=30 -i " + map[string]string{"static": "xeth0 -i xeth1", "bridge": "br0"}[name] + " || echo not online\n" + show
			} else {
				script += online + " --timeout=1 >/dev/null 2>&1 || true\n" // it has read the files before it says anything to this
			}
			out := inNamespace(t, n, script+"kill $server\nwait $server || true\n")
			if m := regexp.MustCompile(`(?m)^.*/run/systemd/network/.*(ignoring|Unknown|Failed|Invalid).*$`).FindString(out); m != "" || strings.Contains(out, "not online") {
				t.Errorf("%s: %s\n%s", name, m, out)
			}
			if settled {
				looks(t, name, out)
			}
		})
	}
}
