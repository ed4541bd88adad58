package plan

import (
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
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
func inNamespace(t *testing.T, n netConfig, script string) string {
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

// allConfigs are those of all records and all kickstart files of testdata, by
// their names; "answers/" is before the latter.
func allConfigs(t *testing.T) map[string]netConfig {
	t.Helper()
	all := map[string]netConfig{}
	for _, name := range allRecords(t) {
		all[name], _ = taken(t, name)
	}
	for _, name := range allAnswers(t) {
		all["answers/"+name] = answeredIn(t, name).net
	}
	return all
}

// TestBondWords: ip(8) knows every option, and the names of its values. Whether
// the kernel has bonds doesn't matter: the words are read first.
func TestBondWords(t *testing.T) {
	needs(t, "ip", "unshare")
	for name, o := range bondTable() {
		values := o.values
		switch {
		case name == "primary":
			continue // is said of the port
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
	for name, n := range allConfigs(t) {
		for _, c := range []dhcpClients{{dhcpcd: true}, {dhclient: true}, {dhcpcd: true, dhclient: true}, {}} {
			text := interfacesFile(n, c)
			file := filepath.Join(t.TempDir(), "interfaces")
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			args := []string{"--no-act", "--verbose", "--force", "--state-dir", t.TempDir(), "--interfaces", file}
			for _, m := range regexp.MustCompile(`(?m)^(?:auto|allow-manual) (?:(?:mac/\S+|/e\*)=)?(\S+)$`).FindAllStringSubmatch(text, -1) {
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
		"answers/bridge": {
			`xeth0@\S+:.* master br0 `, `xeth1@\S+:.* master br0 `, `xeth2@\S+:.* mtu 1400 .* master br1 `, `br0 +inet 192\.0\.2\.5/24 `,
			`(?m)^default via 192\.0\.2\.1 dev br0`, `br0: .*\n? +link/ether 52:54:00:00:00:01.*\n +bridge forward_delay 200 hello_time 100 max_age 600 .* stp_state 1 priority 4096 `,
			`br1: .*\n.*\n +bridge forward_delay 1500 .* ageing_time 6000 stp_state 0 .* mcast_snooping 0 `,
		},
		"answers/static": {
			`xeth0 +inet 192\.0\.2\.5/24 `, `xeth0 +inet6 2001:db8:1::5/64 `, `xeth0@.* mtu 9000 `, `(?m)^default via 203\.0\.113\.1 dev xeth0 .*onlink`,
			`(?m)^default via 2001:db8:1::1 dev xeth0`,
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

const show = "ip -d link show; ip -o addr show; ip route show; ip -6 route show\n"

// TestIfupdown sets the network up by ifupdown, takes it down, and sets it up again.
func TestIfupdown(t *testing.T) {
	needs(t, "ifup", "ip", "unshare")
	all := allConfigs(t)
	for _, name := range []string{"static", "bridge", "answers/bridge", "answers/static"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := all[name]
			n.Interfaces = slices.Clone(n.Interfaces)
			for k := range n.Interfaces { // what comes by DHCP has its own test
				if n.Interfaces[k].IPv4 == "dhcp" {
					n.Interfaces[k].IPv4 = ""
				}
			}
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
	n := netConfig{Interfaces: []netInterface{
		{Name: "eth0", MAC: "52:54:00:00:00:01", Kind: "ethernet", IPv4: "dhcp", IPv6: "auto", DNS: []netip.Addr{netip.MustParseAddr("192.0.2.53")}},
		{Name: "eth1", MAC: "52:54:00:00:00:02", Kind: "ethernet", IPv6: "dhcp"},
	}}
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
`+show+`cat /etc/resolv.conf; ifdown -a -i interfaces
for p in $(pidof dhcpcd); do timeout 60 tail --pid=$p -f /dev/null || true; done # it waits for 10 seconds itself, which a busy machine can need more than
pidof dhcpcd && echo still there || true
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

// TestDhcpcdIsTold: what is said of DHCP reaches the client: the class to the
// server, which has other addresses for it, and what is not to be taken of its answer.
func TestDhcpcdIsTold(t *testing.T) {
	needs(t, "ifup", "dhcpcd", "dnsmasq", "ip", "unshare")
	t.Parallel()
	n := netConfig{Interfaces: []netInterface{
		{Name: "eth0", MAC: "52:54:00:00:00:01", Kind: "ethernet", IPv4: "dhcp", IPv6: "off", NoDefault: true, NoDNS4: true, NoDNS6: true, DHCPClass: "acme rack/7"},
		{Name: "eth1", MAC: "52:54:00:00:00:02", Kind: "ethernet", IPv4: "dhcp", IPv6: "auto", NoDNS4: true},
		{Name: "eth2", MAC: "52:54:00:00:00:03", Kind: "ethernet", IPv4: "dhcp", IPv6: "dhcp", NoDNS6: true},
	}}
	dir := t.TempDir()
	text := strings.ReplaceAll(interfacesFile(n, dhcpClients{dhcpcd: true}), "source ", "#")
	if err := os.WriteFile(filepath.Join(dir, "interfaces"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	serve := func(k, more string) string {
		return "ip -n far addr add 10.9." + k + ".1/24 dev eth" + k + "far; ip -n far addr add 2001:db8:" + k + "::1/64 dev eth" + k + "far nodad\n" +
			"ip netns exec far dnsmasq --conf-file=/dev/null --user=root --no-resolv --no-hosts --port=0 --bind-interfaces --no-ping --leasefile-ro --interface=eth" + k +
			"far --pid-file=/run/" + k + ".pid --dhcp-option=option:dns-server,10.9." + k + ".53 --dhcp-option=option6:dns-server,[2001:db8:" + k + "::53] " + more + "\n"
	}
	out := inNamespace(t, n, `cd `+dir+`
mkdir mnt; mount -t tmpfs tmpfs mnt; mkdir mnt/upper mnt/work
mount -t overlay overlay -o lowerdir=/etc,upperdir=mnt/upper,workdir=mnt/work /etc
mkdir -p /run/network; mount -t tmpfs tmpfs /var/lib/dhcpcd
`+serve("0", "--dhcp-vendorclass=set:acme,acme --dhcp-range=tag:acme,10.9.0.200,10.9.0.209,1h --dhcp-range=tag:!acme,10.9.0.50,10.9.0.99,1h --enable-ra --dhcp-range=2001:db8:0::,slaac,64,1h")+
		serve("1", "--dhcp-range=10.9.1.50,10.9.1.99,1h --enable-ra --dhcp-range=2001:db8:1::,ra-stateless,64,1h")+
		serve("2", "--dhcp-range=10.9.2.50,10.9.2.99,1h --enable-ra --dhcp-range=2001:db8:2::100,2001:db8:2::1ff,64,1h")+`
touch seen; echo 'echo "$reason $interface:" $(set | grep servers=) >>'$PWD/seen >/etc/dhcpcd.exit-hook # comes after all other hooks
ifup -a -i interfaces
for want in "BOUND xeth0" "BOUND xeth1" "ROUTERADVERT xeth1" "BOUND xeth2" "BOUND6 xeth2"; do timeout 60 sh -c "tail -f -n +1 seen | grep -q -m1 '^$want:'"; done
`+show+`cat /etc/resolv.conf seen; ifdown -a -i interfaces
`)
	for _, want := range []string{
		`xeth0 +inet 10\.9\.0\.20\d/24 `, `xeth1 +inet6 2001:db8:1:`, `xeth2 +inet6 2001:db8:2::1..?/128 `, `(?m)^default via 10\.9\.1\.1 dev xeth1`, `(?m)^default via 10\.9\.2\.1 dev xeth2`,
		`(?m)^ROUTERADVERT xeth1:.*2001:db8:1::53`, `(?m)^BOUND xeth2:.*10\.9\.2\.53`, `(?m)^BOUND xeth0:.*10\.9\.0\.53`,
	} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("nothing looks like %s in\n%s", want, out)
		}
	}
	for _, not := range []string{`default via 10\.9\.0\.1`, `xeth0 +inet6`, `nameserver 10\.9\.[01]\.53`, `xeth1:.*10\.9\.1\.53`, `xeth2:.*2001:db8:2::53`} {
		if regexp.MustCompile(not).MatchString(out) {
			t.Errorf("something looks like %s in\n%s", not, out)
		}
	}
}

// nowMAC matches cards by the addresses that they have: the end of a cable has
// no permanent one.
func nowMAC(n netConfig, text string) string {
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
	for name, n := range allConfigs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
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
			waits, settled := map[string]string{"static": "xeth0 -i xeth1", "bridge": "br0", "answers/bridge": "br0 -i xeth0:enslaved -i xeth1:enslaved -i xeth2:enslaved", "answers/static": "xeth0"}[name]
			if settled {
				script += online + " --timeout=120 -i " + waits + " || echo not online\n" + show
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
