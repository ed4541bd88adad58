package plan

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/payload"
)

// TestTimeOff: every program that sets the clock is switched off, and none that isn't there.
func TestTimeOff(t *testing.T) {
	w := newWorld()
	w.AddFile("/target/usr/lib/systemd/system/chrony.service", "")
	if err := (services{time: config.TimeSource{Off: true}}).Run(t.Context(), w.env); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"run in /target: systemctl disable chrony.service"}, w.Called("run")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestTimeServers: those that are named are asked instead of Debian's.
func TestTimeServers(t *testing.T) {
	w := newWorld()
	w.AddFile("/target/etc/chrony/chrony.conf", "confdir /etc/chrony/conf.d\npool 2.debian.pool.ntp.org iburst\nsourcedir /etc/chrony/sources.d\n")
	s := services{time: config.TimeSource{Servers: []config.TimeServer{{Host: "a.example", NTS: true}, {Host: "b.example", Pool: true}}}}
	for range 2 {
		if err := s.Run(t.Context(), w.env); err != nil {
			t.Fatal(err)
		}
	}
	for file, want := range map[string]string{
		"chrony.conf":                 "confdir /etc/chrony/conf.d\n#pool 2.debian.pool.ntp.org iburst\nsourcedir /etc/chrony/sources.d\n",
		"sources.d/installer.sources": "server a.example iburst nts\npool b.example iburst\n",
	} {
		got, _ := w.File("/target/etc/chrony/" + file)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", file, d)
		}
	}
}

// TestNTS: systemd-timesyncd would take the server and leave the proof out.
func TestNTS(t *testing.T) {
	for name, wrong := range map[string]int{"chrony": 0, "systemd-timesyncd": 1} {
		b := &builder{}
		b.Selection = &payload.Selection{Packages: []payload.Package{{Name: name}}}
		b.Answers.Time.Servers = []config.TimeServer{{Host: "a.example", NTS: true}}
		if b.timeSource(); len(b.problems) != wrong {
			t.Errorf("with %s: %v", name, b.problems)
		}
	}
}
