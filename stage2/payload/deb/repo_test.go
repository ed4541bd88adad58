package deb

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/molt-installer/molt/internal/linuxhost"
	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/media/fetch"
)

// set is a set of discs in a directory: disc1, disc2, …
type set struct {
	dir     string
	catalog media.Catalog
	discs   map[int][]string // .deb files outside
	key     *openpgp.Entity  // that signs it
}

// testDeb makes a package out of its control fields, files and scripts.
func testDeb(t *testing.T, control string, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	tree := filepath.Join(dir, "tree")
	fields := map[string]string{}
	if err := stanzas(strings.NewReader(control), func(f map[string]string) error { fields = f; return nil }); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"Version": "1.0", "Architecture": "amd64", "Maintainer": "molt <molt@example.org>", "Description": "test",
	} {
		if fields[name] == "" {
			control += name + ": " + value + "\n"
			fields[name] = value
		}
	}
	put(t, filepath.Join(tree, "DEBIAN/control"), control, 0o644)
	for name, text := range files {
		mode := os.FileMode(0o644)
		if strings.HasPrefix(text, "#!") || strings.HasPrefix(text, "\x7fELF") {
			mode = 0o755
		}
		put(t, filepath.Join(tree, name), text, mode)
	}
	deb := filepath.Join(dir, fmt.Sprintf("%s_%s_%s.deb", fields["Package"], strings.ReplaceAll(fields["Version"], ":", "%3a"), fields["Architecture"]))
	command(t, "dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, deb)
	return deb
}

func put(t testing.TB, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

func command(t testing.TB, args ...string) string {
	t.Helper()
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// build writes the discs and returns the payload for them.
func (s *set) build(t testing.TB, work string) *Payload {
	t.Helper()
	var packages strings.Builder
	for n, debs := range s.discs {
		for _, deb := range debs {
			packages.WriteString(s.add(t, n, deb))
		}
	}
	s.catalog.Suite, s.catalog.Component = "test", "main"
	key := newKey(t)
	s.key = key
	disc1 := filepath.Join(s.dir, "disc1")
	dists := filepath.Join(disc1, media.IndexPath, "dists/test")
	index := zipped(t, packages.String())
	put(t, filepath.Join(dists, "main/binary-amd64/Packages.gz"), index, 0o644)
	inRelease := signed(t, key, fmt.Sprintf("Origin: Test\nSuite: test\nCodename: test\nDate: %s\nArchitectures: amd64\nComponents: main\nSHA256:\n %s %d main/binary-amd64/Packages\n %s %d main/binary-amd64/Packages.gz\n",
		time.Now().Add(-time.Hour).UTC().Format(time.RFC1123),
		digest([]byte(packages.String())), packages.Len(), digest([]byte(index)), len(index)))
	put(t, filepath.Join(dists, "InRelease"), inRelease, 0o644)
	catalog, err := json.Marshal(s.catalog)
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(disc1, media.CatalogPath), string(catalog), 0o644)
	p, err := New(t.Context(), Config{
		Build: media.Build{
			Set:   media.Set{ID: "test", Product: "Test", Version: "1", Arch: "amd64", Discs: len(s.discs)},
			Index: media.File{Path: media.IndexPath + "/dists/test/InRelease", Size: int64(len(inRelease)), SHA256: digest([]byte(inRelease))},
			Extra: []media.File{{Path: media.CatalogPath, Size: int64(len(catalog)), SHA256: digest(catalog)}},
			Key:   armored(t, key),
		},
		Disc1: fetch.Dir(disc1), Commands: linuxhost.New(), WorkDir: work,
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// add puts a package on a disc and returns its entry in the index.
func (s *set) add(t testing.TB, n int, deb string) string {
	t.Helper()
	control := strings.TrimSpace(command(t, "dpkg-deb", "-f", deb))
	dst := filepath.Join(s.dir, fmt.Sprintf("disc%d", n), "pool", filepath.Base(deb))
	if err := os.MkdirAll(filepath.Dir(dst), 0o755); err != nil {
		t.Fatal(err)
	}
	in, err := os.Open(deb)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(dst)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	sum := sha256.New()
	size, err := io.Copy(io.MultiWriter(out, sum), in)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s\nFilename: disc%d/pool/%s\nSize: %d\nSHA256: %s\n\n", control, n, filepath.Base(deb), size, hex.EncodeToString(sum.Sum(nil)))
}

func zipped(t testing.TB, text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(text))
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func newKey(t testing.TB) *openpgp.Entity {
	t.Helper()
	e, err := openpgp.NewEntity("test", "", "test@example.org", &packet.Config{
		Algorithm: packet.PubKeyAlgoEdDSA, Time: func() time.Time { return time.Now().Add(-2 * time.Hour) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func signed(t testing.TB, key *openpgp.Entity, text string) string {
	t.Helper()
	var b bytes.Buffer
	w, err := clearsign.Encode(&b, key.PrivateKey, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.Write([]byte(text))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String() + "\n"
}

func armored(t testing.TB, key *openpgp.Entity) string {
	t.Helper()
	var b bytes.Buffer
	w, err := armor.Encode(&b, openpgp.PublicKeyType, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := key.Serialize(w); err != nil {
		t.Fatal(err)
	}
	w.Close()
	return b.String()
}
