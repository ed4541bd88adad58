package tiny_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/internal/vm"
	"github.com/molt-installer/molt/internal/vm/scenario"
	"github.com/molt-installer/molt/internal/vm/vmtest"
	"github.com/molt-installer/molt/internal/vm/vmtest/lan"
	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/media/mediatest"
	"github.com/molt-installer/molt/media/verity"
	"github.com/molt-installer/molt/stage2/event"
)

// badTrees are trees that must be refused, below one directory, and a good one.
func badTrees(t *testing.T) string {
	t.Helper()
	set, dir := vmtest.OpenSet(t, "tiny"), t.TempDir()
	for name, flip := range map[string]struct {
		file string
		at   int
	}{
		"first": {media.ImagePath, 100}, "tree": {media.ImagePath, -100}, "middle": {media.ImagePath, 20 << 20}, "last": {media.ImagePath, lastBlock(t, set)},
		"inrelease": {media.IndexPath + "/dists/*/InRelease", 300}, "index": {media.IndexPath + "/dists/*/*/*/Packages.gz", 1000},
	} {
		file, data := vmtest.Flipped(t, set, flip.file, flip.at)
		vmtest.CopyTree(t, set, filepath.Join(dir, name), map[string][]byte{file: data})
	}
	other := "other-build\nTiny 1\namd64\nALL\n"
	vmtest.CopyTree(t, set, filepath.Join(dir, "other"), map[string][]byte{media.DiscInfoPath: []byte(other)})
	vmtest.CopyTree(t, set, filepath.Join(dir, "good"), nil)
	return dir
}

// away is the address of servers that only a gateway leads to.
const away = "10.88.0.1"

// lastBlock is where the last block of the image is that its hash tree covers, in bytes.
func lastBlock(t *testing.T, set *scenario.Set) int {
	t.Helper()
	info, err := os.Stat(filepath.Join(set.Dir, "netboot", media.ImagePath))
	fatal(t, err)
	all := verity.Params{Blocks: info.Size() / verity.BlockSize}
	for all.Data()+all.TreeSize() > info.Size() {
		all.Blocks--
	}
	return int(all.Data() - verity.BlockSize)
}

// TestPutRight: nothing is as it must be; each time the screen says what is wrong,
// and a person puts it right there, or into the next mistake. One machine, never rebooted.
// Its gateway isn't in the card's own network, as hosters have it, and leads to all servers.
func TestPutRight(t *testing.T) {
	if !lan.Isolated(t) {
		return
	}
	l, dir := lan.New(t), badTrees(t) // nobody answers DHCP
	l.Address(away + "/32")
	l.Route("10.99.0.5/32")
	url := mediatest.Nginx{Dir: dir, Host: away}.Start(t).URL("http", "", "/")
	tls := mediatest.Nginx{Dir: dir, Host: away, Authority: mediatest.NewAuthority(t, away)}.Start(t)
	r := vmtest.Begin(t, vmtest.Scenario{Set: "tiny", NoDisc: true, NICs: []vm.NIC{l.NIC()}, Kickstart: kickstart, Memory: 256, Timeout: 8 * time.Minute,
		Append: direct + " inst.waitfornet=8 inst.stge2=" + url + "good/ inst.stage2=" + url + "nothing/"})
	r.Expect(`no option inst\.stge2.*did you mean inst\.stage2`)
	r.Expect(`eth0 +no answer to DHCP`)
	r.Expect(`What now\?`)
	r.Type("n\n")
	r.Expect(`Network \(nothing`)
	r.Type("10.99.0.5::" + lan.Host4 + ":255.255.255.255::eth0:none\n")
	r.Expect(`Name server`)
	r.Type("\n")
	r.Expect(`eth0: usable, 10\.99\.0\.5/32 by 10\.77\.0\.1`)
	r.Expect(`nothing/ +that is no tree of a set: it has no \.discinfo: not found: 404`)
	for _, try := range []struct{ url, says string }{
		{url + "closed/", `closed/ +\.discinfo: forbidden: 403`},
		{tls.URL("https", "", "/good/"), `signed by .*molt test CA.*the clock says 20`},
		{url + "other/", `of build other-build, this boot medium is of build [0-9a-f]+`},
		{url + "tree/", `tree/.*not the image of this build, or damaged: .*hash tree`},
		{url + "first/", `image of stage 2 can't be used: .*first/images/stage2\.img: block 0 .*isn't what its hash tree covers`},
		{url + "whole/good/", `only \d+ MiB are free.*\d+ MiB more memory`},
		{"http://" + lan.Host4 + ":1/", `eth0 +up .*no source answers\s+http://10\.77\.0\.1:1/ +connection refused`},
		{"http://mirror.invalid/", `eth0 +no name server`},
		{url + "inrelease/", media.IndexPath + `/dists/\w+/InRelease is damaged or of another build`},
		{url + "index/", media.IndexPath + `/dists/\S+/Packages\.gz is damaged or of another build`},
		{url + "last/", `image of stage 2 can't be used: .*last/images/stage2\.img: block \d{4,} .*isn't what its hash tree covers`},
		// The block may be one that stage 2 needs before it reads the image through.
		{url + "middle/", `damaged at every server|middle/images/stage2\.img: block \d+ .*isn't what its hash tree covers`},
	} {
		r.Expect(`What now\?`)
		choose(r, try.url)
		r.Expect(try.says)
	}
	r.Alive()
	r.CheckUntouched()
	r.Expect(`What now\?`)
	choose(r, url+"moved/good/")
	r.WaitFor(event.Plan)
}

// choose names another source on the failure screen.
func choose(r *vmtest.Run, url string) {
	r.Type("u\n")
	r.Expect(`Another source`)
	r.Type(url + "\n")
}

// TestBadPackage: the third of three servers is used. It knows no ranges, so the image is
// kept in memory; and a package there has a flipped bit.
func TestBadPackage(t *testing.T) {
	name, data := vmtest.Flipped(t, vmtest.OpenSet(t, "tiny"), "pool/*/*/*/busybox-static_*.deb", 5000)
	_, url := web(t, map[string][]byte{name: data})
	s := online("inst.stage2=http://"+vm.HostAddress+":1/", "inst.stage2="+url+"nothing/", "inst.stage2="+url+"whole/")
	s.Kickstart = kickstart
	r := vmtest.Begin(t, s)
	reason := r.Fails()
	for _, want := range []string{"busybox-static", url + "whole/", "SHA-256"} {
		if !strings.Contains(reason, want) {
			t.Errorf("the reason doesn't name %q:\n%s", want, reason)
		}
	}
	r.Alive()
}

// TestServerHangs: one of two mirrors hangs, and then the other too, until it goes on.
func TestServerHangs(t *testing.T) {
	first, one := web(t, nil)
	second, two := web(t, nil)
	s := online("inst.stage2="+one, "inst.stage2="+two)
	s.Kickstart = kickstart
	r := vmtest.Begin(t, s)
	r.Until(far("check-image", 30))
	first.Signal(unix.SIGSTOP)
	r.Until(finished("check-image"))
	second.Signal(unix.SIGSTOP)
	r.Expect(`nothing came for`)
	second.Signal(unix.SIGCONT)
	r.Until(finished("fetch-3"))
}

// TestGivesUp: nobody is there. A machine that installs itself tries for as
// long as it was told, and switches itself off.
func TestGivesUp(t *testing.T) {
	r := vmtest.Begin(t, online("inst.stage2=http://"+vm.HostAddress+":1/", "inst.waitfornet=8", "inst.onfail=poweroff"))
	if reason := r.Fails(); !strings.Contains(reason, "connection refused") {
		t.Errorf("the reason is %s", reason)
	}
	r.PoweredOff(t)
	r.CheckUntouched()
}
