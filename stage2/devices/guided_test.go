package devices_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/devices"
	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/plan"
	"github.com/molt-installer/molt/stage2/plan/layout"
)

// choices are all that a person can choose for one or two of m's disks.
func choices(m machine.Machine) []devices.Guided {
	refused := setup(m).Refused
	var disks []string
	for _, d := range m.Disks {
		if refused[d.Path] == "" {
			disks = append(disks, d.Path)
		}
	}
	var all []devices.Guided
	for _, scheme := range []string{"plain", "lvm", "thinp", "btrfs"} {
		for _, luks := range []*config.LUKS{nil, {Passphrase: "swordfish and chips"}} {
			g := devices.Guided{Disks: disks[:1], How: devices.Erase, Scheme: scheme, FSType: "xfs", LUKS: luks}
			beside := g
			beside.How, beside.NoSwap = devices.Beside, true
			all = append(all, g, beside)
			if len(disks) < 2 {
				continue
			}
			two, mirror := g, g
			two.Disks, mirror.Disks, mirror.Mirror = disks[:2], disks[:2], true
			all = append(all, two, mirror)
			mirror.NoSwap, mirror.NoHome, mirror.FSType = true, true, "ext4"
			all = append(all, mirror)
		}
	}
	return all
}

func describe(g devices.Guided) string {
	return fmt.Sprintf("%s %s of %s, mirror %v, encrypted %v, swap %v", g.How, g.Scheme, strings.Join(g.Disks, "+"), g.Mirror, g.LUKS != nil, !g.NoSwap)
}

// fits are the problems that a choice can have on a machine through no fault of the layout's: what is
// there doesn't go together with it.
func fits(p plan.Problem) bool {
	switch p.Code {
	case layout.TooSmall, layout.StackBroken: // no free room; half of an array
		return true
	case layout.DiskKept:
		return strings.Contains(p.Text, "no partition table")
	case layout.DiskNotNamed, layout.NoTarget:
		return true // a disk without a table has nothing beside which there is room
	case layout.NoBoot:
		return strings.Contains(p.Text, "BIOS boot partition") // none beside what is there
	}
	return false
}

// TestGuided: each choice on each machine is what a kickstart says too, and can be carried out, or
// what stands in its way is on the machine. Only chosen disks are written.
func TestGuided(t *testing.T) {
	good := map[string]int{}
	for name, m := range machines(t) {
		for _, g := range choices(m) {
			s, err := g.Storage(setup(m))
			if err != nil {
				if ok := regexp.MustCompile("plain partitions are on one disk|no free room for partitions").MatchString(err.Error()); !ok {
					t.Errorf("%s: %s: %v", name, describe(g), err)
				}
				continue
			}
			checkWritten(t, s)
			p, problems := build(m, s)
			for _, q := range problems {
				if !fits(q) || g.How == devices.Erase && q.Code != layout.StackBroken {
					t.Errorf("%s: %s: %v", name, describe(g), q)
				}
			}
			if p == nil {
				continue
			}
			good[g.How+g.Scheme]++
			for _, d := range p.Disks {
				if !slices.Contains(g.Disks, d.Path) || g.How == devices.Beside && len(d.Lost) > 0 {
					t.Errorf("%s: %s: %s is written, and loses %d partitions", name, describe(g), d.Path, len(d.Lost))
				}
			}
			if g.Mirror && len(p.Boot) != 2 {
				t.Errorf("%s: %s: starts from %v only: %v", name, describe(g), p.Boot, p.Warnings)
			}
			if g.Mirror && !survives(p) {
				t.Errorf("%s: %s: something is on one disk only: %+v", name, describe(g), p.Layers)
			}
		}
	}
	t.Logf("%v", good)
	for _, how := range []string{devices.Erase, devices.Beside} {
		for _, scheme := range []string{"plain", "lvm", "thinp", "btrfs"} {
			if good[how+scheme] < 4 {
				t.Errorf("%s %s could be carried out %d times", how, scheme, good[how+scheme])
			}
		}
	}
}

// survives reports whether what is mounted is on both disks of a mirror.
func survives(p *plan.Plan) bool {
	for _, d := range p.Disks {
		for _, v := range d.Parts {
			if v.Mount != "" && v.Mount != "biosboot" {
				return false
			}
		}
	}
	for _, l := range p.Layers {
		if l.Kind == layout.RAID && (l.Level != "1" || len(l.On) != 2) || l.Kind == layout.Btrfs && (l.Data != "raid1" || l.Metadata != "raid1" || len(l.On) != 2) {
			return false
		}
	}
	return true
}

// TestShrink: an ext4 that is made smaller makes room for the new system, and keeps what is on it.
func TestShrink(t *testing.T) {
	m := machines(t)["bios-512m"]
	parts := devices.Shrinkable(m, []string{"/dev/sda"})
	if len(parts) != 1 {
		t.Fatalf("can be made smaller: %v", parts)
	}
	g := devices.Guided{Disks: []string{"/dev/sda"}, How: devices.Beside, Scheme: "plain", FSType: "ext4", Shrink: parts[0].Path, ShrinkMiB: 6 << 10}
	for _, g.Scheme = range []string{"plain", "lvm", "thinp", "btrfs"} {
		s, err := g.Storage(setup(m))
		if err != nil {
			t.Fatal(err)
		}
		checkWritten(t, s)
		p, problems := build(m, s)
		if p == nil {
			t.Fatalf("%s: %v", g.Scheme, problems)
		}
		if old := p.Disks[0].Parts[0]; old.Size != 6<<30 || old.Was != parts[0].Size || !old.NoFormat || len(p.Disks[0].Lost) > 0 {
			t.Errorf("%s: the old partition: %+v", g.Scheme, old)
		}
	}
	g.ShrinkMiB = 20 << 10
	if _, err := g.Storage(setup(m)); err == nil || !strings.Contains(err.Error(), "smaller size") {
		t.Errorf("larger than it is: %v", err)
	}
}

// TestGuidedRefuses: what can't be is said before there is a layout.
func TestGuidedRefuses(t *testing.T) {
	m := machines(t)["server-64g"]
	two := []string{"/dev/nvme0n1", "/dev/nvme1n1"}
	for want, g := range map[string]devices.Guided{
		"no disk has been chosen":         {How: devices.Erase, Scheme: "plain"},
		"over two disks, and 1 is chosen": {Disks: two[:1], How: devices.Erase, Scheme: "plain", Mirror: true},
		"needs both disks as a whole":     {Disks: two, How: devices.Beside, Scheme: "lvm", Mirror: true},
		"plain partitions are on one":     {Disks: two, How: devices.Erase, Scheme: "plain"},
		"no free room for partitions on":  {Disks: two, How: devices.Beside, Scheme: "lvm"},
	} {
		if _, err := g.Storage(setup(m)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", describe(g), err, want)
		}
	}
}
