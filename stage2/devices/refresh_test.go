package devices_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/devices"
	"github.com/molt-installer/molt/stage2/machine"
)

// twoDos are two disks with old tables and one partition each.
func twoDos() machine.Machine {
	m := machine.Machine{Firmware: machine.BIOS, Memory: 1 << 32}
	for i, name := range []string{"sda", "sdb"} {
		m.Disks = append(m.Disks, machine.Disk{Path: "/dev/" + name, Seq: int64(i + 1), Size: 100 << 30, Sector: 512, Table: "dos",
			Parts: []machine.Part{{Path: "/dev/" + name + "1", Number: 1, Start: 1 << 20, Size: 50 << 30, Type: "0x83", FSType: "ext4"}}})
	}
	return m
}

func fates(t *testing.T, e *devices.Editor, ids ...string) string {
	t.Helper()
	var all []string
	for _, id := range ids {
		r, ok := e.Row(id)
		if !ok {
			t.Fatalf("there is no row %s", id)
		}
		all = append(all, string(r.Fate))
	}
	return strings.Join(all, " ")
}

// TestOnlyPartitions: a disk whose partitions alone are deleted keeps its table, whatever
// another disk gets before or after.
func TestOnlyPartitions(t *testing.T) {
	table := func(e *devices.Editor) error { return e.NewTable("/dev/sda", "gpt") }
	empty := func(e *devices.Editor) error { return e.Delete("part:/dev/sdb1") }
	for name, steps := range map[string][2]func(*devices.Editor) error{"table first": {table, empty}, "table last": {empty, table}} {
		e := devices.New(setup(twoDos()), config.Storage{})
		must(t, steps[0](e))
		before := text(e.Storage())
		if err := steps[1](e); err == nil || !strings.Contains(err.Error(), "while single partitions of other disks are deleted") {
			t.Errorf("%s: %v", name, err)
		}
		if text(e.Storage()) != before || fates(t, e, "disk:/dev/sdb") == string(devices.Erased) {
			t.Errorf("%s: it says\n%s", name, text(e.Storage()))
		}
		must(t, e.NewTable("/dev/sdb", "gpt"))
	}
	m := twoDos()
	m.Disks[0].Table, m.Disks[0].Parts = "", nil
	e := devices.New(setup(m), config.Storage{})
	must(t, empty(e))
	if err := e.AddPartition("/dev/sda", devices.Spec{As: "ext4", Mount: "/", SizeMiB: 5000}); err == nil {
		t.Errorf("on an empty disk:\n%s", text(e.Storage()))
	}
	e = devices.New(setup(m), config.Storage{Zerombr: true, Clear: config.Clear{Mode: "list", List: []string{"sdb1"}},
		Partitions: []config.Partition{{Mount: "/", Disk: "sda", SizeMiB: 5000, Format: config.Format{FSType: "ext4"}}}})
	if got := fates(t, e, "disk:/dev/sda", "disk:/dev/sdb"); got != string(devices.Erased)+" "+string(devices.Untouched) {
		t.Errorf("from a kickstart: %s\n%s", got, text(e.Storage()))
	}
}

// TestOtherDisk: what was decided about a disk isn't done to another one of its name, nor
// does undo bring it back; what was decided about the rest stays.
func TestOtherDisk(t *testing.T) {
	m, other := twoDos(), twoDos()
	was := m.Disks[1]
	other.Disks[1].Seq, other.Disks[1].Parts[0].FSType = 9, "xfs"
	e := devices.New(setup(m), config.Storage{})
	must(t, e.NewTable("/dev/sda", "gpt"))
	must(t, e.AddPartition("/dev/sda", devices.Spec{As: "ext4", Mount: "/", SizeMiB: 5000}))
	want := text(e.Storage())
	must(t, e.NewTable("/dev/sdb", "gpt"))
	must(t, e.AddPartition("/dev/sdb", devices.Spec{As: "ext4", Mount: "/srv", SizeMiB: 5000}))
	gone := m
	gone.Disks = m.Disks[:1:1]
	if lost := e.Refresh(setup(gone)); lost != nil {
		t.Errorf("a disk is gone: %v", lost)
	}
	if lost := e.Refresh(setup(other), was); !slices.Equal(lost, []string{"/dev/sdb"}) {
		t.Errorf("lost: %v", lost)
	}
	if got := text(e.Storage()); got != want {
		t.Errorf("it says\n%s\nwant\n%s", got, want)
	}
	for ok := true; ok; ok = e.Undo() {
		if strings.Contains(text(e.Storage()), "sdb") {
			t.Errorf("undo brings back\n%s", text(e.Storage()))
		}
	}
	must(t, e.AddPartition("/dev/sda", devices.Spec{As: "raid", SizeMiB: 5000}))
	must(t, e.AddPartition("/dev/sdb", devices.Spec{As: "raid", SizeMiB: 5000}))
	must(t, e.AddArray(devices.ArraySpec{Name: "root", Level: "1", Members: []string{"new:1", "new:2"}, Spec: devices.Spec{As: "ext4", Mount: "/"}}))
	e.Refresh(setup(m), other.Disks[1])
	if got := text(e.Storage()); got != text(config.Storage{}) {
		t.Errorf("an array with a member on the disk:\n%s", got)
	}
}

// TestIgnored: what a kickstart wants left alone is left alone, also after all steps were
// taken back and the disks were looked for again.
func TestIgnored(t *testing.T) {
	m := twoDos()
	e := devices.New(setup(m), config.Storage{Ignore: []string{"sdb"}})
	e.Reset()
	e.Refresh(setup(m))
	if r, _ := e.Row("disk:/dev/sdb"); r.Refused == "" {
		t.Error("/dev/sdb is offered")
	}
	if err := e.NewTable("/dev/sdb", "gpt"); err == nil {
		t.Errorf("it gets a new table:\n%s", text(e.Storage()))
	}
}
