package stage2

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/molt-installer/molt/internal/bootargs"
	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/media/mediatest"
	"github.com/molt-installer/molt/stage2/kickstart"
)

// TestIncludeURL: what a URL has is read once, with the CA that stage 1 found, and what
// is wrong is said of the line, without the password.
func TestIncludeURL(t *testing.T) {
	asked := 0
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if _, password, _ := r.BasicAuth(); password != "secret" || r.URL.Path != "/common.ks" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte("lang de_DE.UTF-8\n"))
	}))
	defer web.Close()
	url := strings.Replace(web.URL, "://", "://me:secret@", 1)
	o := kickstart.Options{Include: include(t.Context(), t.TempDir(), serverOptions(handoff.Record{}, bootargs.Options{}))}
	for range 2 { // once for %pre, once for the rest
		a, diags := kickstart.Parse("ks.cfg", []byte("%include "+url+"/common.ks\n"), o)
		if err := diags.Err(); err != nil || a.Language != "de_DE.UTF-8" {
			t.Errorf("%q, %v", a.Language, err)
		}
	}
	if asked != 1 {
		t.Errorf("the server was asked %d times", asked)
	}
	for _, line := range []string{url + "/gone.ks", "https://me:secret@nothing.invalid/x", "gopher://me:secret@x/y", "nfs://me:secret@x/y"} {
		_, diags := kickstart.Parse("ks.cfg", []byte("text\n%include "+line+"\n"), o)
		if err := diags.Err(); err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "ks.cfg:2: %include ") {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// TestIncludeSendsCards: a server that makes the file for the machine makes the same for both stages.
func TestIncludeSendsCards(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("# " + strings.Join(r.Header["X-Rhn-Provisioning-Mac-0"], "") + strings.Join(r.Header["X-Rhn-Provisioning-Mac-1"], "|")))
	}))
	defer web.Close()
	record := handoff.Record{Network: &handoff.Network{Interfaces: []handoff.Interface{{Name: "lo"}, {Name: "eth0", MAC: "52:54:00:12:34:56"}, {Name: "eth1", MAC: "52:54:00:12:34:57", Usable: true}}}}
	for send, want := range map[bool]string{true: "# eth1 52:54:00:12:34:57eth0 52:54:00:12:34:56", false: "# "} {
		got, err := include(t.Context(), t.TempDir(), includeOptions(record, bootargs.Options{SendMAC: send}))(web.URL + "/a.ks")
		if err != nil || string(got) != want {
			t.Errorf("inst.ks.sendmac %v: %q, %v", send, got, err)
		}
	}
}

// TestTransferOfTheMedium: what the kickstart's url says of certificates holds for the
// packages, and for them alone.
func TestTransferOfTheMedium(t *testing.T) {
	ca := mediatest.NewAuthority(t, "127.0.0.1")
	dir := mediatest.InDir(t, mediatest.NewStore(map[string][]byte{"pool/x.deb": []byte("a package")}))
	url := mediatest.Nginx{Dir: dir, Authority: ca}.Start(t).URL("https", "127.0.0.1", "/")
	pem := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(pem, []byte(ca.PEM()), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		record handoff.Record
		ok     bool
	}{
		"as it is": {handoff.Record{}, false},
		"a CA":     {handoff.Record{CA: pem}, true},
		"unseen":   {handoff.Record{Medium: handoff.Medium{Transfer: &handoff.Transfer{NoVerify: true}}}, true},
	} {
		r := c.record
		r.Medium.Sources = []string{url}
		m := newMedium(r, "", bootargs.Options{}, func(string) {})
		src, err := m.open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		file, err := src.Open(t.Context(), "pool/x.deb")
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			file.Close()
		}
		src.Close()
	}
	m := newMedium(handoff.Record{Medium: handoff.Medium{Transfer: &handoff.Transfer{Proxy: "http://p:1"}}}, "", bootargs.Options{}, nil)
	if m.options.Proxy != "http://p:1" || serverOptions(handoff.Record{}, bootargs.Options{Proxy: "q"}).Proxy != "q" {
		t.Errorf("%+v", m.options)
	}
}
