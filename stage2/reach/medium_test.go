package reach

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/molt-installer/molt/internal/bootargs"
	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/media/mediatest"
)

// Disc 2 is an image beside that of disc 1, at a server that is down when it is
// opened and back when a file of it is wanted.
func TestImagesAtServer(t *testing.T) {
	store := mediatest.InISO(t, mediatest.NewStore(map[string][]byte{"pool/x.deb": []byte("a package")}))
	image, ok := store.Get(mediatest.ImageName)
	if !ok {
		t.Fatal("no image")
	}
	dir := mediatest.InDir(t, mediatest.NewStore(map[string][]byte{"disc2.iso": image.Data}))
	server := mediatest.Nginx{Dir: dir}.Start(t)
	found := handoff.Medium{Sources: []string{server.URL("http", "", "/disc1.iso")}, Whole: true}
	m := newMedium(handoff.Record{Medium: found}, "", bootargs.Options{}, func(string) { server.Start() })
	server.Kill()
	tree, root, err := m.Tree(t.Context(), 2)
	if err != nil || root != "" {
		t.Fatalf("root %q, %v", root, err)
	}
	defer tree.Close()
	file, err := tree.Open(t.Context(), "pool/x.deb")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r, err := file.Stream(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if data, err := io.ReadAll(r); err != nil || string(data) != "a package" {
		t.Errorf("read %q, %v", data, err)
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
	if m.options.Proxy != "http://p:1" || ServerOptions(handoff.Record{}, bootargs.Options{Proxy: "q"}).Proxy != "q" {
		t.Errorf("%+v", m.options)
	}
}
