package stage1

import (
	"errors"
	"strings"
	"testing"

	"github.com/molt-installer/molt/media"
)

func TestRemoteSourceIsRefused(t *testing.T) {
	for _, s := range []string{"http://me:secret@server/tree", "https://server", "ftp://server/x", "nfs:server:/x", "nfs4:ro:[::1]:/x"} {
		_, err := localSource(s)
		if !errors.Is(err, media.ErrUnsupported) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", s, err)
		}
	}
	if src, err := localSource("hd:sda1:/x"); err != nil || src.Path != "/x" {
		t.Errorf("%v, %v", src, err)
	}
}
