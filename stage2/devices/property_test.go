package devices_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/devices"
	"github.com/molt-installer/molt/stage2/kickstart"
	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/plan/layout"
)

// player does random steps, and knows by itself which disks they are about.
type player struct {
	*rand.Rand
	m       machine.Machine
	e       *devices.Editor
	touched []map[string]bool // disks, after each step that was taken
	past    []string          // the kickstart before each
	done    map[string]int    // steps that were taken, by name
	likes   string            // what partitions are made for
}

func newPlayer(seed uint64, m machine.Machine) *player {
	return &player{Rand: rand.New(rand.NewPCG(seed, 7)), m: m, e: devices.New(setup(m), config.Storage{}), touched: []map[string]bool{{}}, done: map[string]int{},
		likes: []string{"ext4", "raid", "pv", "btrfs."}[seed%4]}
}

func pick[T any](p *player, list []T) T { return list[p.IntN(len(list))] }

// rows are those that a step can be about.
func (p *player) rows(is func(devices.Row) bool) []devices.Row {
	return slices.DeleteFunc(p.e.Rows(), func(r devices.Row) bool { return !is(r) })
}

// row is one of a kind; now and then of another one.
func (p *player) row(kinds ...devices.Kind) (devices.Row, bool) {
	rows := p.rows(func(r devices.Row) bool { return slices.Contains(kinds, r.Kind) || p.IntN(40) == 0 })
	if len(rows) == 0 {
		return devices.Row{}, false
	}
	return pick(p, rows), true
}

func (p *player) spec() devices.Spec {
	if p.IntN(2) == 0 { // what goes together well
		return devices.Spec{As: p.likes, Mount: pick(p, []string{"/", "/home", "/srv"}), SizeMiB: int64(300 + p.IntN(2000))}
	}
	s := devices.Spec{As: pick(p, []string{"ext4", "ext4", "xfs", "btrfs", "vfat", "swap", "efi", "biosboot", "raid", "raid", "pv", "pv", "btrfs.", "btrfs."}),
		Mount: pick(p, []string{"/", "/", "/boot", "/home", "/srv", "", "/var", "home", "/a b"}), SizeMiB: int64(p.IntN(300) * p.IntN(200)), Rest: p.IntN(3) == 0, Keep: p.IntN(2) == 0,
		Label: pick(p, []string{"", "", "data", "a label that is too long for all"})}
	if p.IntN(6) == 0 {
		s.LUKS = &config.LUKS{Passphrase: config.Secret(pick(p, []string{"", "p"}))}
	}
	if p.IntN(2) == 0 {
		s.SizeMiB = 0
	}
	return s
}

// step tries one, and says what it was and which disks it is about.
func (p *player) step() (name string, disks []string, err error) {
	r, ok := p.row(devices.Disk, devices.Partition, devices.Free, devices.Array, devices.Group, devices.Volume, devices.Pool, devices.Btrfs, devices.Subvolume)
	if !ok {
		return "", nil, nil
	}
	switch p.IntN(16) {
	case 0:
		r, _ = p.row(devices.Disk)
		return "table", p.disksOf(r), p.e.NewTable(r.Device, pick(p, []string{"gpt", "gpt", "msdos"}))
	case 1, 2, 3, 4:
		if r, ok = p.row(devices.Free); !ok {
			return "", nil, nil
		}
		return "partition", p.disksOf(r), p.e.AddPartition(r.Device, p.spec())
	case 5, 6, 7:
		return "change", p.disksOf(r), p.e.Change(r.ID, p.spec())
	case 8, 9:
		return "delete", p.disksOf(r), p.e.Delete(r.ID)
	case 10:
		return "keep", p.disksOf(r), p.e.Keep(r.ID)
	case 11:
		return "array", nil, p.e.AddArray(devices.ArraySpec{Name: pick(p, []string{"boot", "root", "x", "0", ""}), Level: pick(p, []string{"0", "1", "1", "5", "linear"}), Members: p.members("raid"), Spares: p.IntN(3) / 2, Spec: p.spec()})
	case 12:
		return "group", nil, p.e.AddGroup(pick(p, []string{"vg0", "sys", "null", "-"}), p.members("pv"))
	case 13, 14:
		if r, ok = p.row(devices.Group); !ok {
			return "", nil, nil
		}
		l := devices.LogicalSpec{Name: pick(p, []string{"root", "home", "a", "pool", "snapshot1"}), Thin: p.IntN(5) == 0, Pool: pick(p, []string{"", "", "", "pool"}), Spec: p.spec()}
		if p.IntN(3) > 0 {
			l.As = "ext4"
		}
		return "volume", p.disksOf(r), p.e.AddLogical(r.ID, l)
	}
	if r, ok = p.row(devices.Btrfs); ok && p.IntN(2) == 0 {
		return "subvolume", p.disksOf(r), p.e.AddSubvolume(r.ID, pick(p, []string{"root", "home", "new", "/"}), pick(p, []string{"", "/", "/home", "/srv"}))
	}
	return "btrfs", nil, p.e.AddBtrfs(devices.BtrfsSpec{Label: pick(p, []string{"tree", "fedora", ""}), Members: p.members("btrfs."), Data: pick(p, []string{"", "single", "raid1", "raid9"}), Mount: pick(p, []string{"", "/", "/data"})})
}

func (p *player) members(as string) (ids []string) {
	for _, r := range p.e.Members(as) {
		if p.IntN(5) > 0 {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

// disksOf are the disks that a row is on, found in the machine.
func (p *player) disksOf(r devices.Row) []string {
	var all []string
	for _, d := range p.m.Disks {
		on := d.Path == r.Device || slices.ContainsFunc(d.Parts, func(q machine.Part) bool { return q.Path == r.Device })
		if on || p.on(r, d) {
			all = append(all, d.Path)
		}
	}
	return all
}

// on reports whether a stack that is there, of which r is or has a part, is on d.
func (p *player) on(r devices.Row, d machine.Disk) bool {
	return slices.ContainsFunc(p.m.Stacks, func(s machine.Stack) bool {
		id := "old:" + s.Kind + ":" + s.UUID
		if r.ID != id && !strings.HasPrefix(r.ID, id+"/") {
			return false
		}
		return p.reaches(s, d, 3)
	})
}

func (p *player) reaches(s machine.Stack, d machine.Disk, depth int) bool {
	return slices.ContainsFunc(s.Members, func(dev string) bool {
		if dev == d.Path || slices.ContainsFunc(d.Parts, func(q machine.Part) bool { return q.Path == dev }) {
			return true
		}
		return depth > 0 && slices.ContainsFunc(p.m.Stacks, func(below machine.Stack) bool { return below.Gives(dev) && p.reaches(below, d, depth-1) })
	})
}

func text(s config.Storage) string { return string(kickstart.Write(config.Answers{Storage: s})) }

// play does n steps, and holds every layout that comes out against what must be true.
func (p *player) play(t *testing.T, n int) {
	for range n {
		before, erased := text(p.e.Storage()), p.erased()
		if p.IntN(12) == 0 {
			p.undo(t)
			continue
		}
		name, disks, err := p.step()
		switch {
		case name == "":
		case err != nil && text(p.e.Storage()) != before:
			t.Fatalf("%s was refused (%v), and changed\n%s\nto\n%s", name, err, before, text(p.e.Storage()))
		case err != nil && err.Error() == "":
			t.Fatalf("%s was refused without a word", name)
		case err == nil:
			p.done[name]++
			for _, d := range p.erased() {
				if !slices.Contains(erased, d) && !slices.Contains(disks, d) {
					t.Fatalf("%s about %v gives %s a new table:\n%s", name, disks, d, text(p.e.Storage()))
				}
			}
			now := map[string]bool{}
			for d := range p.touched[len(p.touched)-1] {
				now[d] = true
			}
			for _, d := range disks {
				now[d] = true
			}
			p.touched, p.past = append(p.touched, now), append(p.past, before)
			p.check(t)
		}
	}
	for p.e.Changed() {
		p.undo(t)
	}
	if got := text(p.e.Storage()); got != text(config.Storage{}) {
		t.Fatalf("all is undone, and it still says\n%s", got)
	}
}

// erased are the disks that get a new table.
func (p *player) erased() (disks []string) {
	for _, r := range p.rows(func(r devices.Row) bool { return r.Kind == devices.Disk && r.Fate == devices.Erased }) {
		disks = append(disks, r.Device)
	}
	return disks
}

func (p *player) undo(t *testing.T) {
	if p.e.Undo() != (len(p.past) > 0) {
		t.Fatalf("%d steps to undo, and it says %v", len(p.past), !p.e.Changed())
	}
	if n := len(p.past); n > 0 {
		if got := text(p.e.Storage()); got != p.past[n-1] {
			t.Fatalf("undone to\n%s\nand it was\n%s", got, p.past[n-1])
		}
		p.past, p.touched = p.past[:n-1], p.touched[:n]
	}
}

func (p *player) check(t *testing.T) {
	t.Helper()
	s := p.e.Storage()
	checkWritten(t, s)
	rows := p.e.Rows()
	seen := map[string]bool{}
	for _, r := range rows {
		if seen[r.ID] {
			t.Fatalf("two rows are %s:\n%s", r.ID, text(s))
		}
		seen[r.ID] = true
		if r.Kind != devices.Subvolume && r.Size < 0 {
			t.Fatalf("%s has %d bytes", r.ID, r.Size)
		}
	}
	for _, q := range p.e.Problems() {
		if q.Code != layout.NoRoot && q.Code != layout.NoBoot && q.Code != layout.NoTarget {
			t.Fatalf("a step was taken that brings %s: %v\n%s", q.Code, q, text(s))
		}
	}
	made, problems := build(p.m, s)
	for _, q := range problems {
		named := slices.ContainsFunc(rows, func(r devices.Row) bool { return strings.Contains(r.Problem, q.Text) })
		space := q.Code == layout.TooSmall && strings.HasPrefix(q.Subject, "/") // what plan alone knows
		if !named && !space && q.Code != layout.NoRoot && q.Code != layout.NoBoot && q.Code != layout.NoTarget {
			t.Fatalf("%v is at no row:\n%s", q, text(s))
		}
	}
	if made == nil {
		return
	}
	p.done["plan"]++
	for _, d := range made.Disks {
		if !p.touched[len(p.touched)-1][d.Path] {
			t.Fatalf("%s is in the plan, and no step was about it but %v:\n%s", d.Path, p.touched[len(p.touched)-1], text(s))
		}
		for _, v := range d.Parts {
			p.checkKept(t, d, v, rows)
		}
	}
}

// checkKept: what a row says is kept or untouched is not formatted.
func (p *player) checkKept(t *testing.T, d layout.Disk, v layout.Volume, rows []devices.Row) {
	if !v.Existing || v.Type == "0x5" || v.Type == "0xf" {
		return
	}
	i := slices.IndexFunc(rows, func(r devices.Row) bool {
		return (r.Kind == devices.Partition || r.Kind == devices.Disk) && (r.Device == v.Device || r.Device == v.WasDevice) && r.Fate != devices.Erased && r.Fate != devices.Made
	})
	if i < 0 {
		t.Fatalf("%s stays and has no row", v.Device)
	}
	stays := rows[i].Fate == devices.Kept || rows[i].Fate == devices.Untouched
	if stays != v.NoFormat {
		t.Fatalf("%s on %s: the row says %q, and the plan formats it: %v", v.Device, d.Path, rows[i].Fate, !v.NoFormat)
	}
}

// TestAnySteps plays on all machines.
func TestAnySteps(t *testing.T) {
	done := map[string]int{}
	all := machines(t)
	all["two-dos"] = twoDos()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		m := all[name]
		for seed := range uint64(8) {
			p := newPlayer(seed, m)
			ok := t.Run(fmt.Sprintf("%s-%d", name, seed), func(t *testing.T) { p.play(t, 60) })
			for step, n := range p.done {
				done[step] += n
			}
			if !ok {
				return
			}
		}
	}
	t.Log(done)
	for _, step := range []string{"table", "partition", "change", "delete", "keep", "array", "group", "volume", "btrfs", "subvolume", "plan"} {
		if done[step] < 2 {
			t.Errorf("%s was taken %d times only", step, done[step])
		}
	}
}
