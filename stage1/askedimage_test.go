package stage1

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestImageOfTheKickstart: stage 2 finds the network up for an image at a server, by its own proxy if it has
// one and the boot options have none, and for no other.
func TestImageOfTheKickstart(t *testing.T) {
	web := httptest.NewServer(http.NotFoundHandler()) // that it answers is enough
	defer web.Close()
	for name, c := range map[string]struct {
		says string
		ups  int
		boot string
	}{
		"at a server":         {"liveimg --url=" + web.URL + "/golden.tar", 1, ""},
		"by a proxy":          {"liveimg --url=http://server.invalid/golden.tar --proxy=" + web.URL, 1, ""},
		"by the boot's proxy": {"liveimg --url=http://server.invalid/golden.tar --proxy=http://127.0.0.1:1", 1, "inst.proxy=" + web.URL},
		"in a file":           {"liveimg --url=file:///images/golden.tar", 0, ""},
		"another place":       {"cdrom", 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s, f, _ := testSession(t)
			s.setCommandLine(c.boot)
			if err := withKickstart(t, s, c.says+"\n"); err != nil {
				t.Fatal(err)
			}
			if len(f.ups) != c.ups {
				t.Errorf("the network was brought up %d times: %+v", len(f.ups), f.ups)
			}
		})
	}
}
