package dialog

import (
	"context"
	"errors"
	"strings"

	"github.com/molt-installer/molt/stage2/devices"
	"github.com/molt-installer/molt/stage2/machine"
)

// edited is the editor, which begins with what a kickstart says.
func (d *diskDraft) edited(s *State) *devices.Editor {
	if d.editor == nil {
		d.editor = devices.New(s.setup(), s.Given.Storage)
	}
	return d.editor
}

// manual shows all devices, and what is still missing.
func (d *diskDraft) manual(s *State) []Field {
	e, w := d.edited(s), s.Words
	t := Table{Key: "devices", Label: w.T("Devices"), Hint: w.T("Arrays, volume groups and btrfs are put together of partitions that are made for them."), Head: []string{w.T("Device"), w.T("Size"), w.T("Now"), w.T("Will be"), w.T("Mounted at")},
		Actions: d.actions(s)}
	for _, r := range e.Rows() {
		t.Rows = append(t.Rows, deviceRow(s, r))
	}
	fields := []Field{t}
	for i, p := range e.Problems() {
		if i == 0 {
			fields = append(fields, Note{Text: w.T("Still to do: %s", w.Said(devices.Words(p))), Bad: true})
		}
	}
	for _, warning := range e.Warnings() {
		fields = append(fields, Note{Text: w.T("Mind: %s", w.Said(warning))})
	}
	if s.Facts.Probe != nil {
		fields = append(fields, Button{Key: "probe", Label: w.T("Look for disks again"), Do: s.probe})
	}
	return fields
}

// deviceRow is a line of the table.
func deviceRow(s *State, r devices.Row) Row {
	w := s.Words
	name, size, now := strings.TrimPrefix(r.Device, "/dev/"), machine.Size(r.Size), r.What
	if r.Kind == devices.Free {
		name, now = w.T("free"), ""
	}
	if r.Kind == devices.Subvolume || r.Size == 0 {
		size = ""
	}
	bad := ""
	switch {
	case r.Refused != "":
		bad = w.T("can't be used: %s", w.Said(r.Refused))
	case r.Problem != "":
		bad = w.Said(r.Problem)
	}
	return Row{Key: r.ID, Cells: []string{strings.Repeat("  ", r.Depth) + name, size, now, willBe(s, r), r.Mount}, Bad: bad}
}

// willBe says in words what becomes of a device.
func willBe(s *State, r devices.Row) string {
	w := s.Words
	as := asWords(s, r.As)
	if r.Crypt {
		as = w.T("%s, encrypted", as)
	}
	if r.Was != 0 {
		as = strings.TrimPrefix(as+", "+w.T("was %s", machine.Size(r.Was)), ", ")
	}
	var fate string
	switch r.Fate {
	case devices.Kept:
		fate = w.T("kept")
	case devices.Formatted:
		fate = w.T("formatted:")
	case devices.Made:
		fate = w.T("new:")
	case devices.Erased:
		if r.Kind == devices.Disk {
			return w.T("new table (%s)", r.As)
		}
		return w.T("deleted")
	}
	if as == "" {
		fate = strings.TrimSuffix(fate, ":")
	}
	return strings.TrimSpace(fate + " " + as)
}

// asWords is what a device can be, in words.
func asWords(s *State, as string) string {
	w := s.Words
	switch as {
	case devices.AsSwap:
		return w.T("swap space")
	case devices.AsEFI:
		return w.T("EFI system partition")
	case devices.AsBIOSBoot:
		return w.T("BIOS boot partition")
	case devices.AsRAID:
		return w.T("member of an array (RAID)")
	case devices.AsLVM:
		return w.T("physical volume for LVM")
	case devices.AsBtrfs:
		return w.T("member of a btrfs")
	}
	return as
}

// actions are what can be done with devices.
func (d *diskDraft) actions(s *State) []RowAction {
	w := s.Words
	do := func(f func(row string) (*Page, error)) func(context.Context, string) (*Page, error) {
		return func(_ context.Context, row string) (*Page, error) { return f(row) }
	}
	step := func(f func(row string) error) func(context.Context, string) (*Page, error) {
		return do(func(row string) (*Page, error) { return nil, f(row) })
	}
	e := d.edited(s)
	return []RowAction{
		{Key: "e", Label: w.T("change"), Do: do(func(row string) (*Page, error) { return d.open(s, row) })},
		{Key: "a", Label: w.T("add"), Do: do(func(row string) (*Page, error) { return d.add(s, row) })},
		{Key: "d", Label: w.T("delete"), Do: step(e.Delete)},
		{Key: "k", Label: w.T("keep"), Do: step(e.Keep)},
		{Key: "u", Label: w.T("undo"), Whole: true, Do: step(func(string) error { return d.undo(s) })},
		{Key: "r", Label: w.T("array"), Whole: true, Do: do(func(string) (*Page, error) { return d.addArray(s) })},
		{Key: "v", Label: w.T("volume group"), Whole: true, Do: do(func(string) (*Page, error) { return d.addGroup(s) })},
		{Key: "b", Label: w.T("btrfs"), Whole: true, Do: do(func(string) (*Page, error) { return d.addBtrfs(s) })},
		{Key: "g", Label: w.T("guided"), Whole: true, Do: step(func(string) error { return d.fromGuided(s) })},
		{Key: "x", Label: w.T("keep all"), Whole: true, Do: step(func(string) error { e.Reset(); return nil })},
	}
}

func (d *diskDraft) undo(s *State) error {
	if !d.edited(s).Undo() {
		return errors.New("there is no step to undo")
	}
	return nil
}

// fromGuided takes what was chosen on the guided ways as the beginning; that is a step to undo.
func (d *diskDraft) fromGuided(s *State) error {
	g, err := d.choices(s)
	if err != nil {
		return err
	}
	if g.How != devices.Beside {
		g.How = devices.Erase
	}
	storage, err := g.Storage(s.setup())
	if err != nil {
		return err
	}
	return d.edited(s).Begin(storage)
}

// add adds what belongs to a row: a partition in free room, a volume to a group, a subvolume to a btrfs.
func (d *diskDraft) add(s *State, row string) (*Page, error) {
	r, ok := d.edited(s).Row(row)
	if !ok {
		return nil, errors.New("it isn't there any more")
	}
	switch r.Kind {
	case devices.Disk, devices.Free:
		return d.addPartition(s, r)
	case devices.Group:
		return d.addVolume(s, r)
	case devices.Btrfs:
		return d.addSubvolume(s, r)
	}
	return nil, errors.New("partitions are added to free room, volumes to a group, and subvolumes to a btrfs")
}

// open is what Enter does with a row.
func (d *diskDraft) open(s *State, row string) (*Page, error) {
	r, ok := d.edited(s).Row(row)
	switch {
	case !ok:
		return nil, errors.New("it isn't there any more")
	case r.Refused != "":
		return nil, errors.New(r.Device + " can't be used: " + r.Refused)
	case r.Kind == devices.Free || r.Kind == devices.Group:
		return d.add(s, row)
	case r.Kind == devices.Disk:
		return d.openDisk(s, r), nil
	case r.Fate == devices.Erased:
		return nil, errors.New(r.Device + " is given up; keep it first")
	case r.Kind == devices.Btrfs || r.Kind == devices.Subvolume:
		return d.openMount(s, r), nil
	}
	return d.openDevice(s, r), nil
}

// openDisk is the page of a disk: its table.
func (d *diskDraft) openDisk(s *State, r devices.Row) *Page {
	d.device = deviceDraft{table: "keep"}
	if r.Fate == devices.Erased {
		d.device.table = map[string]string{"dos": "msdos"}[r.As]
		if r.As != "dos" {
			d.device.table = r.As
		}
	}
	return &Page{
		ID: "destination-disk", Title: "Disk", Help: "A new partition table gives up all that is on the disk.",
		Fields: func(s *State) []Field {
			w := s.Words
			fields := []Field{Note{Text: diskNote(s, r)},
				Choice{Key: "table", Label: w.T("Partition table"), Value: &d.device.table, Options: []Option{
					{Value: "keep", Label: w.T("as it is")},
					{Value: "gpt", Label: w.T("a new one (gpt)")},
					{Value: "msdos", Label: w.T("a new one of the old kind (msdos)")},
				}}}
			return append(fields, d.wholeFS(s, r)...)
		},
		Leave: func(_ context.Context, s *State) error { return d.leaveDisk(s, r) },
	}
}

func diskNote(s *State, r devices.Row) string {
	at, err := s.Facts.Machine.Find(r.Device)
	if err != nil {
		return r.Device
	}
	return at.Describe() + "\n" + s.Facts.Machine.Contents(at)
}

// wholeFS asks where a file system on a whole disk is to be mounted.
func (d *diskDraft) wholeFS(s *State, r devices.Row) []Field {
	at, err := s.Facts.Machine.Find(r.Device)
	if err != nil || d.device.table != "keep" || at.FSType == "" || len(at.Parts) > 0 || at.Table != "" {
		return nil
	}
	return []Field{Text{Key: "mount", Label: s.Words.T("Mount its %s at", at.FSType), Hint: s.Words.T("Empty: nowhere."), Value: &d.device.mount, Check: checkMount}}
}

func (d *diskDraft) leaveDisk(s *State, r devices.Row) error {
	e := d.edited(s)
	switch {
	case d.device.table != "keep":
		return e.NewTable(r.Device, d.device.table)
	case r.Fate == devices.Erased:
		return e.Keep(r.ID)
	case d.device.mount != r.Mount:
		return e.Change(r.ID, devices.Spec{Keep: true, Mount: d.device.mount})
	}
	return nil
}
