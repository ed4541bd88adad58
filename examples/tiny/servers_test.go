package tiny_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/molt-installer/molt/internal/vm"
	"github.com/molt-installer/molt/internal/vm/vmtest"
	"github.com/molt-installer/molt/media/mediatest"
	"github.com/molt-installer/molt/stage2/event"
)

// serverPassword is what servers and proxies want in these tests.
const serverPassword = "slough-off-23"

// online is a machine without a disc that is started over the network. The
// host's servers are vm.HostAddress for it.
func online(options ...string) vmtest.Scenario {
	return vmtest.Scenario{Set: "tiny", NoDisc: true, Network: true, Append: direct + " " + strings.Join(options, " ")}
}

// web serves the set's tree with more files in it.
func web(t *testing.T, more map[string][]byte) (*mediatest.Daemon, string) {
	d := mediatest.Nginx{Dir: vmtest.Tree(t, vmtest.OpenSet(t, "tiny"), more)}.Start(t)
	return d, d.URL("http", vm.HostAddress, "/")
}

// checkServed checks an installation for which nobody had to do anything.
func checkServed(t *testing.T, r *vmtest.Run) {
	t.Helper()
	r.CheckEvents(rootPassword, userPassword, serverPassword)
	r.CheckSaid(rootPassword, userPassword, serverPassword)
	r.CheckSwitched()
	if asked := r.Of(event.NeedDisc); len(asked) > 0 {
		t.Errorf("a disc was asked for: %+v", asked[0].Discs)
	}
	r.CheckDisk(func(root string) {
		vmtest.CheckRoot(t, root, rootPassword, userPassword, serverPassword)
	})
}

// far is the event that a step has come as far as percent.
func far(step string, percent int64) func(event.Event) bool {
	return func(e event.Event) bool {
		p := e.Progress
		return e.Step == step && p != nil && p.Total > 0 && p.Done*100 >= p.Total*percent
	}
}

func finished(step string) func(event.Event) bool {
	return func(e event.Event) bool { return e.Type == event.Finish && e.Step == step }
}

// TestMirrorDies: of two servers the first dies for good in the middle of the
// image, and the other when the last package has come.
func TestMirrorDies(t *testing.T) {
	first, url := web(t, nil)
	second, other := web(t, map[string][]byte{"ks.cfg": []byte(kickstart)})
	r := vmtest.Begin(t, online("inst.stage2="+url, "inst.stage2="+other, "inst.ks="+other+"ks.cfg"))
	r.Until(far("check-image", 60))
	first.Kill()
	r.Until(finished("fetch-3"))
	second.Kill()
	r.Finish()
	r.PoweredOff(t)
	checkServed(t, r)
}

// TestServerComesBack: the only server dies in the middle of the image, and later in
// the middle of the packages, and each time it comes back.
func TestServerComesBack(t *testing.T) {
	server, url := web(t, map[string][]byte{"ks.cfg": []byte(kickstart)})
	r := vmtest.Begin(t, online("inst.repo="+url, "inst.ks="+url+"ks.cfg"))
	for _, step := range []string{"check-image", "fetch-1"} {
		r.Until(far(step, 60))
		server.Kill()
		r.Expect(`trying again`)
		server.Start()
	}
	r.Until(finished("fetch-3"))
	r.CheckSaid(rootPassword, userPassword)
}

// TestHTTPS: a server with a CA that only the volume with inst.cacert= knows, and a
// proxy with a password for the kickstart's.
func TestHTTPS(t *testing.T) {
	ca := mediatest.NewAuthority(t, "127.0.0.1", vm.HostAddress)
	dir := vmtest.Tree(t, vmtest.OpenSet(t, "tiny"), map[string][]byte{"ks.cfg": []byte(kickstart)})
	url := mediatest.Nginx{Dir: dir, Authority: ca}.Start(t).URL("https", vm.HostAddress, "/")
	s := online("inst.stage2="+url, "inst.ks="+url+"ks.cfg", "inst.cacert=hd:LABEL=OEMDRV:/ca.pem")
	s.Files = map[string]string{"ca.pem": ca.PEM()}
	checkServed(t, vmtest.Install(t, s))
}

// TestFTP: with user and password, that nothing tells anybody.
func TestFTP(t *testing.T) {
	dir := vmtest.Tree(t, vmtest.OpenSet(t, "tiny"), map[string][]byte{"ks.cfg": []byte(kickstart)})
	server := mediatest.Vsftpd{Dir: dir, User: "fetcher", Password: serverPassword}.Start(t)
	url := strings.Replace(server.URL("ftp", vm.HostAddress, "/"), "://", "://fetcher:"+serverPassword+"@", 1)
	checkServed(t, vmtest.Install(t, online("inst.stage2="+url, "inst.ks="+url+"ks.cfg")))
}

// TestISOs: disc 1 as a file at a web server, with the others beside it, by way of a
// proxy that wants a password.
func TestISOs(t *testing.T) {
	server := mediatest.Nginx{Dir: vmtest.OpenSet(t, "tiny").Dir}.Start(t)
	proxy := mediatest.Nginx{User: "fetcher", Password: serverPassword}.Start(t)
	url := server.URL("http", "127.0.0.1", "/disc1.iso") // as the proxy sees it
	s := online("inst.stage2="+url, "inst.proxy="+strings.Replace(proxy.URL("http", vm.HostAddress, ""), "://", "://fetcher:"+serverPassword+"@", 1))
	s.Kickstart = kickstart
	checkServed(t, vmtest.Install(t, s))
}

// TestStick: a stick that is disc 1 is found by itself, and given back; the other
// discs go into a drive.
func TestStick(t *testing.T) {
	set := vmtest.OpenSet(t, "tiny")
	r := vmtest.Install(t, vmtest.Scenario{Set: "tiny", NoDisc: true, Stick: set.Disc(1), Append: direct, Kickstart: kickstart})
	r.CheckEvents(rootPassword, userPassword)
	r.CheckSwitched()
	var asked []string
	for _, o := range r.Offers {
		asked = append(asked, fmt.Sprint(o.Wanted))
	}
	if got := strings.Join(asked, " "); got != "2 3" {
		t.Errorf("the discs %s were asked for, want 2 3", got)
	}
	r.CheckDisk(func(root string) { vmtest.CheckRoot(t, root, rootPassword, userPassword) })
}
