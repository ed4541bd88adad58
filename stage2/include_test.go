package stage2

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/molt-installer/molt/internal/bootargs"
	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/stage2/kickstart"
	"github.com/molt-installer/molt/stage2/reach"
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
	o := kickstart.Options{Include: include(t.Context(), t.TempDir(), reach.ServerOptions(handoff.Record{}, bootargs.Options{}))}
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
