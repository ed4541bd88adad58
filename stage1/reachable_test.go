package stage1

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// TestReachable: the network is brought up for whom the boot options name, though
// nothing is read over it, and is no reason to end.
func TestReachable(t *testing.T) {
	for options, up := range map[string]bool{"": false, "inst.sshd": true, "inst.syslog=192.0.2.1": true, "ip=dhcp": false} {
		s, f, _ := testSession(t)
		s.setCommandLine(options)
		s.reachable(t.Context())
		if got := slices.Contains(f.calls, "up"); got != up || (s.network != nil) != up {
			t.Errorf("%q: the network is brought up: %v, and is %v; want %v", options, got, s.network, up)
		}
		s.reachable(t.Context())
		if n := len(f.ups); n > 1 {
			t.Errorf("%q: brought up %d times", options, n)
		}
	}
}

func TestReachableWithoutNetwork(t *testing.T) {
	s, f, p := testSession(t)
	f.net = errors.New("no cable")
	s.setCommandLine("inst.sshd")
	s.reachable(t.Context())
	if s.network != nil || !strings.Contains(p.String(), "no cable") {
		t.Errorf("the network is %v, and it said: %s", s.network, p.String())
	}
}
