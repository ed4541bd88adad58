package disc

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
)

func testKey(t *testing.T) *buildKey {
	t.Helper()
	k, err := loadKey(t.TempDir(), time.Unix(keyTime+86400, 0))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestKeyIsKept(t *testing.T) {
	dir := t.TempDir()
	var texts []string
	for range 2 {
		k, err := loadKey(dir, time.Unix(keyTime+1, 0))
		if err != nil {
			t.Fatal(err)
		}
		signed, err := k.clearsign([]byte("Origin: x\n"))
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(signed))
	}
	if texts[0] != texts[1] {
		t.Errorf("two signatures of the same differ:\n%s\n%s", texts[0], texts[1])
	}
	info, err := os.Stat(filepath.Join(dir, "secret.asc"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the secret key: %v, %v", info.Mode(), err)
	}
}

func TestSignature(t *testing.T) {
	k := testKey(t)
	signed, err := k.clearsign([]byte("Origin: x\nSuite: y\n"))
	if err != nil {
		t.Fatal(err)
	}
	public, err := k.public()
	if err != nil {
		t.Fatal(err)
	}
	ring, err := openpgp.ReadArmoredKeyRing(strings.NewReader(public))
	if err != nil {
		t.Fatal(err)
	}
	if ring[0].PrivateKey != nil {
		t.Fatal("the public key has the secret in it")
	}
	block, rest := clearsign.Decode(signed)
	if block == nil || len(bytes.TrimSpace(rest)) > 0 {
		t.Fatalf("not a signed message: %s", signed)
	}
	if _, err := block.VerifySignature(ring, nil); err != nil {
		t.Error(err)
	}
}

// TestAptTakesTheRepository asks the real apt of the host.
func TestAptTakesTheRepository(t *testing.T) {
	if _, err := exec.LookPath("apt-get"); err != nil {
		t.Skip("needs apt: ", err)
	}
	dir := t.TempDir()
	d := &Distro{Product: "Test", Version: "1", Arch: "amd64", Archive: Archive{Suite: "one", Component: "main"}}
	ix := index{}
	ix.add(packages)
	p, err := newPkg(ix["hello_1:2.10-3_amd64"])
	if err != nil {
		t.Fatal(err)
	}
	p.stanza = p.stanza.with("SHA256", strings.Repeat("ab", 32))
	k := testKey(t)
	files, err := repository{distro: d, label: "Test", date: k.date}.files([]pkg{p}, "disc2/", k)
	if err != nil {
		t.Fatal(err)
	}
	for path, data := range files {
		if err := writeFile(filepath.Join(dir, "repo", path), data); err != nil {
			t.Fatal(err)
		}
	}
	out := aptPrintsURIs(t, dir, k, "hello")
	if !strings.Contains(out, "/disc2/pool/main/h/hello/hello_2.10-3_amd64.deb' hello_1%3a2.10-3_amd64.deb 53084") {
		t.Errorf("apt says: %s", out)
	}
}

// aptPrintsURIs updates from dir/repo, checking its signature, and resolves name.
func aptPrintsURIs(t *testing.T, dir string, k *buildKey, name string) string {
	t.Helper()
	public, err := k.public()
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(dir, "apt")
	for path, text := range map[string]string{
		"key.asc":                        public,
		"status":                         "",
		"etc/apt/sources.list":           "deb [signed-by=" + root + "/key.asc] file:" + dir + "/repo one main\n",
		"etc/apt/apt.conf.d/none":        "",
		"state/lists/partial/none":       "",
		"cache/archives/partial/none":    "",
		"etc/apt/preferences.d/none":     "",
		"etc/apt/sources.list.d/ignored": "",
		"conf": "Dir \"" + root + "\";\nDir::State \"" + root + "/state\";\nDir::Cache \"" + root + "/cache\";\nDir::State::status \"" + root +
			"/status\";\nAPT::Architecture \"amd64\";\nAPT::Architectures { \"amd64\"; };\nAPT::Sandbox::User \"\";\nAcquire::Languages \"none\";\n",
	} {
		if err := writeFile(filepath.Join(root, path), []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	env := []string{"APT_CONFIG=" + root + "/conf"}
	if _, err := command(t.Context(), env, "apt-get", "update", "--error-on=any", "-q"); err != nil {
		t.Fatal(err)
	}
	out, err := command(t.Context(), env, "apt-get", "install", "--print-uris", "-y", "-qq", name)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
