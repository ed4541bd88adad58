package stage2

import (
	"io"
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
