package devices_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/devices"
	"github.com/molt-installer/molt/stage2/kickstart"
	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/machine/machinetest"
	"github.com/molt-installer/molt/stage2/payload"
	"github.com/molt-installer/molt/stage2/plan"
)

// machines are those of the examples.
func machines(t testing.TB) map[string]machine.Machine {
	t.Helper()
	return machinetest.Recorded(t, "../../examples/machines")
}

func setup(m machine.Machine) devices.Setup {
	s := devices.Setup{Machine: m, Refused: map[string]string{}}
	for _, d := range m.Disks {
		if d.InUse != "" || d.Removable {
			s.Refused[d.Path] = "it is in use"
		}
	}
	return s
}

// checkWritten holds a storage against what comes back from a kickstart.
func checkWritten(t *testing.T, s config.Storage) {
	t.Helper()
	text := kickstart.Write(config.Answers{Storage: s})
	answers, diags := kickstart.Parse("ks.cfg", text, kickstart.Options{})
	if err := diags.Err(); err != nil {
		t.Fatalf("a kickstart can't say it: %v\n%s", err, text)
	}
	plain := cmp.Transformer("plain", func(s config.Secret) string { return string(s) })
	if diff := cmp.Diff(s, answers.Storage, cmpopts.EquateEmpty(), plain); diff != "" {
		t.Fatalf("a kickstart says something else (-chosen +read):\n%s\n%s", diff, text)
	}
}

// build is what plan.Build makes of it, with answers that lack nothing else.
func build(m machine.Machine, s config.Storage) (*plan.Plan, plan.Problems) {
	n := 0
	in := plan.Input{
		Machine: m, Handoff: handoff.Record{
			Build:  media.Build{Set: media.Set{ID: "set-1", Product: "Debian", Version: "13", Arch: "amd64", Discs: 1}, Stage2: media.File{Path: media.ImagePath, Size: 90 << 20, SHA256: "aa"}},
			Medium: handoff.Medium{URL: "cdrom:/dev/sr0", Device: "/dev/sr0", Mount: "/molt/medium", Disc: 1},
		},
		Selection: &payload.Selection{Packages: []payload.Package{{Name: "base-files", Disc: 1, Size: 40 << 20, InstalledSize: 200 << 20}}},
		IDs: func() string {
			n++
			return fmt.Sprintf("%08x-0000-4000-8000-%012x", n<<16|n, n)
		},
		Answers: config.Answers{Storage: s, Language: "C.UTF-8", Hostname: "h", Timezone: config.Timezone{Zone: "Etc/UTC"}, Keyboard: config.Keyboard{Layout: "us"},
			Root: config.Login{Hash: "$y$x", Set: true}, End: config.End{Action: "reboot"}},
	}
	p, err := plan.Build(in)
	var problems plan.Problems
	errors.As(err, &problems)
	return p, problems
}
