package tiny_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/molt-installer/molt/internal/vm"
	"github.com/molt-installer/molt/internal/vm/vmtest"
	"github.com/molt-installer/molt/internal/vm/vmtest/lan"
	"github.com/molt-installer/molt/stage2/event"
)

// nfs is the source that lan.NFS exports.
const nfs = lan.Host4 + ":" + lan.NFSExport

// network is a machine without a disc whose set is on the network.
func network(options string, cards ...vm.NIC) vmtest.Scenario {
	return vmtest.Scenario{Set: "tiny", NoDisc: true, NICs: cards, Append: direct + " " + options, Kickstart: kickstart, Timeout: 8 * time.Minute}
}

// netboot is the set's tree.
func netboot(t *testing.T) string { return filepath.Join(vmtest.OpenSet(t, "tiny").Dir, "netboot") }

// installed checks what every installation over the network must have left.
func installed(t *testing.T, r *vmtest.Run) {
	t.Helper()
	r.CheckEvents(rootPassword, userPassword)
	if asked := r.Of(event.NeedDisc); len(asked) > 0 {
		t.Errorf("a disc was asked for: %+v", asked[0].Discs)
	}
	r.CheckDisk(func(root string) { vmtest.CheckRoot(t, root, rootPassword, userPassword) })
}

// TestNFS3: the whole installation from an NFS server of version 3, by name, with the kickstart file beside the set.
func TestNFS3(t *testing.T) {
	if !lan.Isolated(t) {
		return
	}
	l, tree := lan.New(t), t.TempDir()
	fatal(t, os.CopyFS(tree, os.DirFS(netboot(t))))
	fatal(t, os.WriteFile(filepath.Join(tree, "my.ks"), []byte(kickstart), 0o644))
	l.DHCP()
	l.NFS(tree)
	source := "nfs:vers=3:" + lan.Name + ":" + lan.NFSExport
	s := network("inst.repo="+source+" inst.ks="+source+"/my.ks", l.NIC())
	s.Kickstart = ""
	installed(t, vmtest.Install(t, s))
}

// TestNFSImages: the discs as files beside each other; the first is named. The server
// has other ports than usual, and there is no portmapper to ask for them.
func TestNFSImages(t *testing.T) {
	if !lan.Isolated(t) {
		return
	}
	l, dir := lan.New(t), t.TempDir()
	for _, iso := range vmtest.OpenSet(t, "tiny").Discs {
		data, err := os.ReadFile(iso)
		fatal(t, err)
		fatal(t, os.WriteFile(filepath.Join(dir, filepath.Base(iso)), data, 0o644))
	}
	fatal(t, os.WriteFile(filepath.Join(dir, "my.ks"), []byte(kickstart), 0o644))
	l.DHCP()
	l.NFSAt(dir, "2050", "20049")
	s := network("inst.stage2=nfs:vers=3,port=2050,mountport=20049:"+nfs+"/disc1.iso inst.ks=nfs:port=2050:"+nfs+"/my.ks", l.NIC())
	s.Kickstart = ""
	installed(t, vmtest.Install(t, s))
}

// TestNFS4: the whole installation by version 4, from a server that hangs. It is waited
// for, and that is said: before it is mounted, and in the middle.
func TestNFS4(t *testing.T) {
	if !lan.Isolated(t) {
		return
	}
	l := lan.New(t)
	l.DHCP()
	server := l.NFS(netboot(t))
	server.Stop()
	r := vmtest.Begin(t, network("inst.stage2=nfs4:"+nfs, l.NIC()))
	r.Expect(`eth0: .*the server takes connections but doesn't answer: it hangs`)
	server.Continue()
	r.WaitFor(event.Plan)
	server.Stop()
	r.Expect(`nfs: server ` + lan.Host4 + ` not responding, still trying`)
	server.Continue()
	r.Finish()
	r.PoweredOff(t)
	installed(t, r)
}

// mirror is the source that lan.HTTP shows.
const mirror = "inst.stage2=http://" + lan.Name + "/"

// begin has a web server with the set, and a machine that is to install from it.
func begin(t *testing.T, l *lan.LAN, options string, cards ...vm.NIC) *vmtest.Run {
	t.Helper()
	l.HTTP(netboot(t))
	return vmtest.Begin(t, network(options, cards...))
}

// TestLateRouter: of two cards only the second has a link, and there is nothing but IPv6
// on it, of a router that speaks up five seconds after it was missed.
func TestLateRouter(t *testing.T) {
	if !lan.Isolated(t) {
		return
	}
	l := lan.New(t)
	r := begin(t, l, mirror, l.NIC(), l.NIC())
	r.Link(0, false)
	r.Expect(`eth0: no link`)
	r.Expect(`eth1: no answer to DHCP, no router advertisement`)
	<-time.After(5 * time.Second)
	l.Advertise()
	r.Expect(`eth1: usable, fd77::\S+/64 by fe80::`)
	r.WaitFor(event.Plan)
}

// TestBond: a VLAN on two cards, without whose tag nothing gets anywhere. One of the cards loses its
// link in the middle of the installation, and again in the new system.
func TestBond(t *testing.T) {
	if !lan.Isolated(t) {
		return
	}
	l := lan.New(t)
	l.DHCP()
	l.HTTP(netboot(t))
	s := network("bond=bond0:eth0,eth1:mode=active-backup,miimon=100 vlan=bond0.5:bond0 ip=bond0.5:dhcp "+mirror, l.Trunk(5), l.Trunk(5))
	s.Kickstart = strings.Replace(kickstart, "@hello\n", "@hello\n@network\n", 1)
	r := vmtest.Begin(t, s)
	r.Expect(`bond0\.5: usable, 10\.77\.0\.`)
	r.WaitFor(event.Plan)
	r.Link(0, false)
	r.Finish()
	r.PoweredOff(t)
	installed(t, r)
	checkBonded(t, r.Boot(rootPassword))
}

// checkBonded checks that the installed system has brought up what TestBond installed it over.
func checkBonded(t *testing.T, sys *vmtest.System) {
	t.Helper()
	said := sys.Shell("cat /proc/net/bonding/bond0; ip -d -o link show bond0.5; ip -o addr show bond0.5")
	for _, want := range []string{`Bonding Mode: fault-tolerance \(active-backup\)`, `MII Polling Interval \(ms\): 100`,
		`Slave Interface: eth0`, `Slave Interface: eth1`, `vlan protocol 802.1Q id 5`, `inet 10\.77\.0\.\d+/24`} {
		if !regexp.MustCompile(want).MatchString(said) {
			t.Errorf("the new system's network has no %s:\n%s", want, said)
		}
	}
	const fetch = "wget -q -O - http://" + lan.Name + "/.discinfo"
	sys.Shell(fetch)
	fatal(t, sys.SetLink(t.Context(), 0, false))
	sys.Shell(fetch)
	sys.Off()
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
