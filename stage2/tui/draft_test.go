package tui

import (
	"testing"

	"github.com/molt-installer/molt/stage2/config"
)

// TestConnected: a machine that is on a network already keeps it, so no answer
// says what it is to be; its name is the one that the network knows.
func TestConnected(t *testing.T) {
	for _, tt := range []struct {
		session  Session
		networks int
		host     string
	}{
		{Session{Product: "Debian 13"}, 1, "debian"},
		{Session{Product: "Debian 13", Connected: true, Hostname: "fox"}, 0, "fox"},
		{Session{Product: "Debian 13", Connected: true, Hostname: "fox", Answers: config.Answers{Hostname: "owl", Network: []config.Network{{Method: "dhcp"}}}}, 1, "owl"},
	} {
		a, err := newDraft(tt.session).answers(tt.session)
		if err != nil || len(a.Network) != tt.networks || a.Hostname != tt.host {
			t.Errorf("%+v: network %v, host name %s, %v", tt.session, a.Network, a.Hostname, err)
		}
	}
}
