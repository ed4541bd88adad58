package tiny_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/molt-installer/molt/internal/vm/scenario"
	"github.com/molt-installer/molt/internal/vm/vmtest"
	"github.com/molt-installer/molt/media"
)

// imageAlone is a disc 1 that has the installer's image and no package.
func imageAlone(t *testing.T, set *scenario.Set) string {
	t.Helper()
	files := map[string]string{}
	for _, name := range []string{media.DiscInfoPath, media.ImagePath} {
		data, err := os.ReadFile(filepath.Join(set.Dir, "netboot", name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(data)
	}
	lines := strings.Split(files[media.DiscInfoPath], "\n")
	files[media.DiscInfoPath] = strings.Join(lines[:3], "\n") + "\n1\n"
	return vmtest.Disc(t, "IMAGE", files)
}

// TestKickstartNamesTheServer: the disc has the image, and the kickstart alone says where
// the packages are. It includes a file of the same server.
func TestKickstartNamesTheServer(t *testing.T) {
	_, url := web(t, map[string][]byte{"more.ks": []byte("%post\necho included > /root/more\n%end\n")})
	r := vmtest.Install(t, vmtest.Scenario{
		Set: "tiny", Network: true, Append: direct, Disc1: imageAlone(t, vmtest.OpenSet(t, "tiny")),
		Kickstart: "url --url=" + url + "\n%include " + url + "more.ks\n" + kickstart,
	})
	checkServed(t, r)
	r.CheckDisk(func(root string) {
		if got, err := os.ReadFile(filepath.Join(root, "root/more")); err != nil || string(got) != "included\n" {
			t.Errorf("what the included file says wasn't done: %q, %v", got, err)
		}
	})
	if log, err := os.ReadFile(r.Guest.File("console.log")); err != nil || !strings.Contains(string(log), "The kickstart says inst.repo="+url) {
		t.Errorf("stage 1 doesn't say where the packages are: %v", err)
	}
}
