package stage1

import (
	"bytes"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/u-root/mkuimage/cpio"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/media/mediatest"
)

// withKickstart makes a session's kickstart, and has it read.
func withKickstart(t *testing.T, s *session, text string) error {
	t.Helper()
	file := filepath.Join(t.TempDir(), "a.ks")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s.setCommandLine(editOptions(s.cmdline, "-inst.ks inst.ks=file:"+file))
	return s.kickstart(t.Context())
}

// TestKickstartSaysWhereThePackagesAre: alone it is enough for both, and inst.repo=
// wins over it.
func TestKickstartSaysWhereThePackagesAre(t *testing.T) {
	p := publish(t)
	url := p.serve(t)
	for name, c := range map[string]struct{ options, says, want string }{
		"kickstart":     {"", "url --url=" + url + "/", url + "/"},
		"inst.stage2":   {"inst.stage2=" + url + "/images/stage2.img", "url --url=" + url + "/", url + "/"},
		"inst.repo":     {"inst.repo=" + url, "url --url=http://nothing.invalid/", url},
		"cdrom":         {"inst.stage2=" + url, "url --url=http://nothing.invalid/\ncdrom", url},
		"a liveimg":     {"inst.stage2=" + url, "liveimg --url=file:///nothing", url},
		"in a section":  {"inst.stage2=" + url, "%post\nurl --url=http://nothing.invalid/\n%end", url},
		"in an include": {"", "%include " + url + "/ks/source.ks", url},
	} {
		t.Run(name, func(t *testing.T) {
			p.write(t, "ks/source.ks", []byte("url --url="+url+"\n"))
			s, _, who := serverSession(t, p, c.options)
			if err := withKickstart(t, s, c.says+"\n"); err != nil {
				t.Fatal(err)
			}
			if failure := s.search(t.Context()); failure != nil {
				t.Fatal(failure)
			}
			if m := s.current.medium; !slices.Equal(m.Sources, []string{c.want}) || !m.Whole || s.current.image == "" {
				t.Errorf("%+v, image %q", m, s.current.image)
			}
			overruled := name == "inst.repo"
			if got := slices.Contains(s.ks.Overruled, "inst.repo"); got != overruled || strings.Contains(who.String(), "wins") != overruled {
				t.Errorf("%+v\n%s", s.ks, who)
			}
		})
	}
}

// TestPackagesThatAreNotThere: what is wrong is said of the kickstart's place, without
// its password, and another one named by hand takes its place.
func TestPackagesThatAreNotThere(t *testing.T) {
	p, other := publish(t), publish(t)
	other.write(t, media.DiscInfoPath, []byte("old1\nDebian 13\namd64\n1,2\n"))
	url := strings.Replace(other.serve(t), "://", "://me:secret@", 1)
	s, _, who := serverSession(t, p, "inst.stage2="+p.serve(t))
	if err := withKickstart(t, s, "url --url="+url+"\n"); err != nil {
		t.Fatal(err)
	}
	failure := s.search(t.Context())
	for _, want := range []string{"it is of build old1, this boot medium is of build 5f0c", "The kickstart says", "inst.repo="} {
		if failure == nil || !strings.Contains(failure.Error(), want) {
			t.Fatalf("%v\ndoesn't say %q", failure, want)
		}
	}
	who.answers = []string{"u", p.serve(t)}
	if a := s.menu(t.Context(), failure); a != handoff.Retry {
		t.Fatalf("%q", a)
	}
	if err := errors.Join(s.closeMedium(t.Context()), s.kickstart(t.Context())); err != nil {
		t.Fatal(err)
	}
	if failure := s.search(t.Context()); failure != nil {
		t.Error(failure)
	}
	if all := who.String() + failure.Error() + s.ks.Repo; strings.Contains(all, "secret") {
		t.Error(all)
	}
}

// TestImageOfTheDisc: the machine has the disc, and the packages are elsewhere.
func TestImageOfTheDisc(t *testing.T) {
	p := publish(t)
	url := p.serve(t)
	s, f, _ := serverSession(t, p, "")
	f.volumes = []media.Volume{{Path: "/dev/sdb1", FSType: "ext4", Label: p.build.Set.Label(1)}}
	s.mounter = copyMounts{f, p.dir}
	if err := withKickstart(t, s, "url --url="+url+" --proxy=\n"); err != nil {
		t.Fatal(err)
	}
	if failure := s.search(t.Context()); failure != nil {
		t.Fatal(failure)
	}
	if want := filepath.Join(s.dirs.imageMedium, "images/stage2.img"); s.current.image != want {
		t.Errorf("the image is %s, want %s", s.current.image, want)
	}
	if m := s.current.medium; m.URL != url || m.Mount != "" || s.current.streamed != nil {
		t.Errorf("%+v", m)
	}
}

// TestAnyDriveInsteadOfTheKickstart: a person who has seen the kickstart's server fail can
// have the discs instead, and stage 2 isn't told to compare.
func TestAnyDriveInsteadOfTheKickstart(t *testing.T) {
	p := publish(t)
	s, f, who := serverSession(t, p, "")
	f.volumes = []media.Volume{{Path: "/dev/sdb1", FSType: "ext4", Label: p.build.Set.Label(1)}}
	s.mounter = copyMounts{f, p.dir}
	says := "url --url=http://nothing.invalid/ --proxy=http://127.0.0.1:1\n"
	if err := withKickstart(t, s, says); err != nil {
		t.Fatal(err)
	}
	failure := s.search(t.Context())
	if failure == nil {
		t.Fatal("a server that isn't there is as good")
	}
	who.answers = []string{"u", "none"}
	if a := s.menu(t.Context(), failure); a != handoff.Retry {
		t.Fatalf("%q", a)
	}
	if err := errors.Join(s.closeMedium(t.Context()), withKickstart(t, s, says)); err != nil {
		t.Fatal(err)
	}
	if failure := s.search(t.Context()); failure != nil {
		t.Fatal(failure)
	}
	if m := s.current.medium; m.Mount != s.dirs.medium || !slices.Contains(s.ks.Overruled, "inst.repo") || !strings.Contains(who.String(), "wins") {
		t.Errorf("%+v, %+v\n%s", m, s.ks, who)
	}
}

// TestOptionsForThePlaceItself: what url says besides the URL holds for that place, however
// it is spelled and whichever name it is asked by, and for no other.
func TestOptionsForThePlaceItself(t *testing.T) {
	for says, at := range map[string]string{
		"https://a/x":            "https://a/x",
		"https://a/x/":           "https://a/x/disc1.iso",
		"https://a/x/disc1.iso":  "https://a/x/disc1.iso",
		"https://a/x/disc1.iso/": "https://a/x",
		"https://a/x/y.ipxe/..":  "https://a/x/disc1.iso",
		"https://a/":             "https://a",
	} {
		s, _, _ := testSession(t)
		if err := withKickstart(t, s, "url --noverifyssl --url="+says+"\n"); err != nil {
			t.Fatal(err)
		}
		for url, want := range map[string]bool{says: true, at: true, "https://a/other": false, "https://b/x": false} {
			src, err := media.ParseSource(url)
			if err != nil {
				t.Fatal(err)
			}
			if got := s.optionsFor(src).NoVerify; got != want {
				t.Errorf("url --url=%s: %s is read unchecked: %v, want %v", says, url, got, want)
			}
		}
	}
}

// copyMounts shows the same directory on whatever is mounted.
type copyMounts struct {
	*fake
	from string
}

func (m copyMounts) Mount(at mount) error {
	if err := m.fake.Mount(at); err != nil {
		return err
	}
	return os.CopyFS(at.target, os.DirFS(m.from))
}

func (m copyMounts) Unmount(target string) error {
	return errors.Join(m.fake.Unmount(target), os.RemoveAll(target))
}

// TestDirectoryOfImages: a directory with discN.iso is as good as a tree, on a volume, at
// an NFS server and at a web server.
func TestDirectoryOfImages(t *testing.T) {
	if _, err := exec.LookPath("xorriso"); err != nil {
		t.Skip("xorriso is not installed")
	}
	p, images := publish(t), t.TempDir()
	iso := filepath.Join(images, firstImage)
	if out, err := exec.Command("xorriso", "-as", "mkisofs", "-quiet", "-R", "-V", "TEST", "-o", iso, p.dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Run("web server", func(t *testing.T) {
		url := (&published{dir: images}).serve(t)
		s, _, _ := serverSession(t, p, "")
		if err := withKickstart(t, s, "url --url="+url+"/\n"); err != nil {
			t.Fatal(err)
		}
		if failure := s.search(t.Context()); failure != nil {
			t.Fatal(failure)
		}
		if m := s.current.medium; !slices.Equal(m.Sources, []string{url + "/disc1.iso"}) {
			t.Errorf("%+v", m)
		}
	})
	t.Run("NFS server", func(t *testing.T) {
		port := answerPings(t)
		s, f, _ := serverSession(t, p, "")
		s.mounter = exportMounts{copyMounts{f, images}, p.dir}
		if err := withKickstart(t, s, "nfs --server=127.0.0.1 --dir=/iso --opts=port="+port+"\n"); err != nil {
			t.Fatal(err)
		}
		if failure := s.search(t.Context()); failure != nil {
			t.Fatal(failure)
		}
		want := handoff.Medium{URL: "nfs:port=" + port + ":127.0.0.1:/iso", Mount: s.dirs.medium, Disc: 1, Whole: true, Images: s.dirs.holder}
		if diff := cmp.Diff(want, s.current.medium); diff != "" || s.current.image != filepath.Join(s.dirs.medium, "images/stage2.img") {
			t.Error(diff, s.current.image)
		}
	})
	t.Run("volume", func(t *testing.T) {
		for _, dir := range []string{"/", "/iso"} {
			s, f, _ := testSession(t)
			volume := filepath.Join(t.TempDir(), "volume")
			if err := os.CopyFS(filepath.Join(volume, dir), os.DirFS(images)); err != nil {
				t.Fatal(err)
			}
			s.mounter = copyMounts{f, volume}
			m, err := s.mountMedium(t.Context(), place{device: "/dev/sdb1", fstype: "ext4", path: dir}, s.site(need{packages: true}))
			if err != nil || m.Images != filepath.Join(s.dirs.holder, dir) || !slices.Contains(f.calls, "attach disc1.iso") {
				t.Errorf("%s: %+v, %v, %v", dir, m, err, f.calls)
			}
		}
	})
}

// exportMounts shows an export, and in an image of a disc what the disc has.
type exportMounts struct {
	copyMounts
	disc string
}

func (m exportMounts) Mount(at mount) error {
	if at.fstype == "iso9660" {
		m.from = m.disc
	}
	return m.copyMounts.Mount(at)
}

// answerPings is an NFS server that does nothing, and its port.
func answerPings(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-done })
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			call := make([]byte, 44) // a record mark and a call of no procedure, RFC 5531
			if _, err := io.ReadFull(c, call); err == nil {
				_, _ = c.Write(call[:8])
			}
			c.Close()
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// TestCertificatesOfTheKickstart: a server with a CA that only %certificate has, and
// that wants to see a certificate too.
func TestCertificatesOfTheKickstart(t *testing.T) {
	p := publish(t)
	web := httptest.NewUnstartedServer(http.FileServer(http.Dir(p.dir)))
	web.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	web.StartTLS()
	defer web.Close()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw})
	certFile, keyFile := mediatest.NewAuthority(t, "127.0.0.1").Issue(t, t.TempDir())
	cert, _ := os.ReadFile(certFile)
	key, _ := os.ReadFile(keyFile)
	section := func(name string, body []byte) string {
		return "%certificate --filename=" + name + " --dir=/etc/own\n" + string(body) + "%end\n"
	}
	sections := "%certificate --filename=ca.pem\n" + string(ca) + string(key) + "%end\n" + section("me.pem", cert) + section("me.key", key)

	s, _, _ := serverSession(t, p, "")
	if err := withKickstart(t, s, "url --url="+web.URL+" --sslclientcert=/etc/own/me.pem --sslclientkey=file:///etc/own/me.key\n"+sections); err != nil {
		t.Fatal(err)
	}
	if failure := s.search(t.Context()); failure != nil {
		t.Fatal(failure)
	}
	if diff := cmp.Diff(&handoff.Transfer{Client: s.dirs.client}, s.current.medium.Transfer); diff != "" {
		t.Error(diff)
	}
	kept, _ := os.ReadFile(s.dirs.ca)
	if info, err := os.Stat(s.dirs.client); err != nil || info.Mode().Perm() != 0o600 || bytes.Contains(kept, []byte("KEY")) {
		t.Errorf("%v, %v, or the key is among the CAs", info, err)
	}

	err := withKickstart(t, s, "url --url="+web.URL+" --sslclientcert=/etc/own/me.pem --sslclientkey=/etc/own/me.pem\n"+sections)
	if err == nil || !strings.Contains(err.Error(), "no certificate with its key") {
		t.Errorf("%v", err)
	}
	err = withKickstart(t, s, "url --url="+web.URL+" --sslcacert=/etc/own/me.key\n"+sections)
	if err == nil || !strings.Contains(err.Error(), "no certificate in PEM form") {
		t.Errorf("%v", err)
	}
}

// TestWhichCertificatesAreTrusted: a CA of some program of the new system isn't one for the
// installer, unless url names it.
func TestWhichCertificatesAreTrusted(t *testing.T) {
	certFile, _ := mediatest.NewAuthority(t, "127.0.0.1").Issue(t, t.TempDir())
	ca, err := os.ReadFile(certFile)
	if err != nil {
		t.Fatal(err)
	}
	for header, c := range map[string]struct {
		url     string
		trusted bool
	}{
		"--filename=ca.pem": {"", true},
		"--filename=ca.crt --dir=/usr/local/share/ca-certificates/": {"", true},
		"--filename=db.pem --dir=/etc/postgresql":                   {"", false},
		"--filename=own.pem --dir=/etc/own":                         {"url --url=https://a/ --sslcacert=/etc/own/own.pem\n", true},
	} {
		s, _, _ := testSession(t)
		if err := withKickstart(t, s, c.url+"%certificate "+header+"\n"+string(ca)+"%end\n"); err != nil {
			t.Fatal(err)
		}
		kept, _ := os.ReadFile(s.dirs.ca)
		if bytes.Contains(kept, bytes.TrimSpace(ca)) != c.trusted {
			t.Errorf("%%certificate %s: trusted %q, want %v", header, kept, c.trusted)
		}
	}
}

// TestUpdatesAndDriversOfTheKickstart: as inst.updates= and inst.dd= do it. Driver disks
// add up; of updates the boot option wins.
func TestUpdatesAndDriversOfTheKickstart(t *testing.T) {
	s := driverSession(t)
	dir := t.TempDir()
	file := func(name string, data []byte) string {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
		return "file://" + filepath.Join(dir, name)
	}
	first := file("one.cpio", archive(t, cpio.StaticFile("fast-nic.ko", string(driver(kernelRelease())), 0o644)))
	second := file("two.cpio", archive(t, cpio.StaticFile("firmware/fast.bin", "code", 0o644)))
	updates := file("updates.img", archive(t, cpio.StaticFile("usr/lib/molt/hello", "new", 0o644)))
	s.setCommandLine("inst.dd=" + first)
	for range 2 { // a second try takes nothing twice
		if err := s.drivers(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := withKickstart(t, s, "updates "+updates+"\ndriverdisk --source="+second+"\n"); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"modules/fast-nic.ko", "firmware/fast.bin"}, s.fixed.Drivers); diff != "" {
			t.Error(diff)
		}
	}
	dep, _ := os.ReadFile(filepath.Join(s.release(), "modules.dep"))
	if n := strings.Count(string(dep), "updates/fast-nic.ko:"); n != 1 {
		t.Errorf("the driver is in the index %d times", n)
	}
	if at, err := s.updates(t.Context()); err != nil || at != s.dirs.updates {
		t.Errorf("%q, %v", at, err)
	}
	if diff := cmp.Diff([]string{second}, s.ks.Drivers); diff != "" || s.ks.Updates != updates {
		t.Error(diff, s.ks.Updates)
	}
	s.setCommandLine("inst.updates=file:/nonexistent")
	if err := withKickstart(t, s, "updates "+updates+"\n"); err != nil || !slices.Contains(s.ks.Overruled, "inst.updates") {
		t.Errorf("%+v, %v", s.ks, err)
	}
	if _, err := s.updates(t.Context()); err == nil || !strings.Contains(err.Error(), "inst.updates=file:/nonexistent") {
		t.Errorf("%v", err)
	}
}

// TestKickstartOfAServerThatComesBack: nobody gives up at the first refusal.
func TestKickstartOfAServerThatComesBack(t *testing.T) {
	asked := 0
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked++; asked < 3 {
			panic(http.ErrAbortHandler)
		}
		_, _ = w.Write([]byte("text\n"))
	}))
	defer web.Close()
	s, f, _ := testSession(t)
	s.network = &handoff.Network{}
	s.setCommandLine("inst.ks=" + web.URL + "/a.ks")
	if err := s.kickstart(t.Context()); err != nil || s.ks == nil || len(f.ups) != 0 {
		t.Errorf("%+v, %v", s.ks, err)
	}
	s.setCommandLine("inst.ks=" + web.URL + "/a.ks") // what the server says is an answer
	web.Config.Handler = http.NotFoundHandler()
	if err := s.kickstart(t.Context()); err == nil || !strings.Contains(err.Error(), "not found") {
		t.Errorf("%v", err)
	}
}
