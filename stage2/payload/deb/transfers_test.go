package deb

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/molt-installer/molt/media/mediatest"
	"github.com/molt-installer/molt/stage2/config"
)

// transfersFile writes the settings to a file that apt reads.
func transfersFile(t *testing.T, mirrors ...config.Mirror) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "90installer-mirrors")
	if err := os.WriteFile(file, []byte(transfers(mirrors)), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestTransfers: apt itself reads what is written, for that host and no other.
func TestTransfers(t *testing.T) {
	if _, err := exec.LookPath("apt-config"); err != nil {
		t.Skip("apt-config is not installed")
	}
	mirrors := []config.Mirror{
		{URL: "http://plain.example/debian"},
		{URL: "http://far.example/debian", Transfer: config.Transfer{Proxy: "proxy.example"}},
		{URL: "https://own.example:8443/debian", Transfer: config.Transfer{Proxy: "https://proxy.example:8080", CACert: "file:///etc/own/ca.pem",
			ClientCert: "/etc/own/me.pem", ClientKey: "/etc/own/me.key"}},
		{URL: "https://lax.example/", Transfer: config.Transfer{NoVerify: true}},
	}
	cmd := exec.Command("apt-config", "dump")
	cmd.Env = append(os.Environ(), "APT_CONFIG="+transfersFile(t, mirrors...))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		`Acquire::http::Proxy::far.example "http://proxy.example:3128";`,
		`Acquire::https::Proxy::own.example "https://proxy.example:8080";`,
		`Acquire::https::own.example::CAInfo "/etc/own/ca.pem";`,
		`Acquire::https::own.example::SSLCert "/etc/own/me.pem";`,
		`Acquire::https::own.example::SSLKey "/etc/own/me.key";`,
		`Acquire::https::lax.example::Verify-Peer "false";`,
	} {
		if !strings.Contains(string(out), want+"\n") {
			t.Errorf("apt doesn't know %s", want)
		}
	}
	if strings.Contains(string(out), "plain.example") || transfers(mirrors[:1]) != "" {
		t.Errorf("an archive like all others has settings:\n%s", transfers(mirrors))
	}
}

// TestTransfersByApt: apt trusts a server by the CA that is named, or unseen, and not otherwise.
func TestTransfersByApt(t *testing.T) {
	const helper = "/usr/lib/apt/apt-helper"
	if _, err := os.Stat(helper); err != nil {
		t.Skip(helper + " is not installed")
	}
	ca := mediatest.NewAuthority(t, "127.0.0.1")
	dir := mediatest.InDir(t, mediatest.NewStore(map[string][]byte{"InRelease": []byte("signed")}))
	url := mediatest.Nginx{Dir: dir, Authority: ca}.Start(t).URL("https", "127.0.0.1", "/")
	pem := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(pem, []byte(ca.PEM()), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		transfer config.Transfer
		ok       bool
	}{
		"unknown": {config.Transfer{}, false},
		"named":   {config.Transfer{CACert: pem}, true},
		"unseen":  {config.Transfer{NoVerify: true}, true},
	} {
		to := filepath.Join(t.TempDir(), "InRelease")
		out, err := exec.Command(helper, "-c", transfersFile(t, config.Mirror{URL: url, Transfer: c.transfer}), "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=0",
			"download-file", url+"InRelease", to).CombinedOutput()
		if got, _ := os.ReadFile(to); (err == nil && string(got) == "signed") != c.ok {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
