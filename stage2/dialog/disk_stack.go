package dialog

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/molt-installer/molt/stage2/devices"
	"github.com/molt-installer/molt/stage2/machine"
)

// candidates are what something can be made of; none is an error that says what to do.
func (d *diskDraft) candidates(s *State, as string) ([]Option, error) {
	var options []Option
	for _, r := range d.edited(s).Members(as) {
		options = append(options, Option{Value: r.ID, Label: r.Device + "  " + machine.Size(r.Size)})
	}
	if len(options) == 0 {
		return nil, errors.New("make partitions first, and use them as: " + asWords(s, as))
	}
	return options, nil
}

// values are those of options: all are chosen to begin with.
func values(options []Option) []string {
	var all []string
	for _, o := range options {
		all = append(all, o.Value)
	}
	return all
}

// name asks for one.
func (f *deviceDraft) named(s *State) Field {
	return Text{Key: "name", Label: s.Words.T("Name"), Value: &f.name, Check: func(name string) error {
		if name == "" {
			return errors.New("give it a name")
		}
		return nil
	}}
}

// addArray asks for an array.
func (d *diskDraft) addArray(s *State) (*Page, error) {
	options, err := d.candidates(s, devices.AsRAID)
	if err != nil {
		return nil, err
	}
	d.device = deviceDraft{as: "ext4", level: "1", members: values(options), spares: "0", pass: d.device.pass}
	f := &d.device
	return &Page{
		ID: "destination-array", Title: "New array (RAID)",
		Help: "Level 1 keeps everything on each member, 5 and 6 live on without one or two of them, 10 is a mirror of stripes. Level 0 is large and fast, and lost when a member fails.\n" +
			"Spares take the place of members that fail.",
		Fields: func(s *State) []Field {
			w := s.Words
			fields := []Field{f.named(s),
				Choice{Key: "level", Label: w.T("Level"), Options: plainOptions([]string{"1", "0", "5", "6", "10"}), Value: &f.level},
				Marks{Key: "members", Label: w.T("Members"), Options: options, Values: &f.members},
				Text{Key: "spares", Label: w.T("How many of them are spares"), Value: &f.spares, Check: checkCount}}
			return append(fields, f.made(s, append(usesOf(s, false, true), Option{Value: devices.AsEFI, Label: asWords(s, devices.AsEFI)}))...)
		},
		Leave: func(_ context.Context, s *State) error {
			spec, err := f.spec()
			spares, bad := strconv.Atoi(f.spares)
			if err != nil || bad != nil {
				return errors.Join(err, bad)
			}
			spec.Rest = false
			return d.edited(s).AddArray(devices.ArraySpec{Name: f.name, Level: f.level, Members: f.members, Spares: spares, Spec: spec})
		},
	}, nil
}

func checkCount(text string) error {
	if n, err := strconv.Atoi(text); err != nil || n < 0 {
		return errors.New("a number, please")
	}
	return nil
}

// addGroup asks for a volume group.
func (d *diskDraft) addGroup(s *State) (*Page, error) {
	options, err := d.candidates(s, devices.AsLVM)
	if err != nil {
		return nil, err
	}
	d.device = deviceDraft{members: values(options), pass: d.device.pass}
	f := &d.device
	return &Page{
		ID: "destination-group", Title: "New volume group (LVM)", Help: "A volume group is room for volumes, on one or several members. Volumes are added to it in the table of devices.",
		Fields: func(s *State) []Field {
			return []Field{f.named(s), Marks{Key: "members", Label: s.Words.T("Members"), Options: options, Values: &f.members}}
		},
		Leave: func(_ context.Context, s *State) error { return d.edited(s).AddGroup(f.name, f.members) },
	}, nil
}

// addVolume asks for a volume in a group.
func (d *diskDraft) addVolume(s *State, r devices.Row) (*Page, error) {
	if r.Fate == devices.Erased {
		return nil, errors.New(r.Device + " is given up")
	}
	d.device = deviceDraft{as: "ext4", pass: d.device.pass}
	f := &d.device
	return &Page{
		ID: "destination-volume", Title: "New volume", Help: "A thin volume takes room of its pool only as it is filled: there can be more promised than there is. The system can't be started from one: it needs /boot elsewhere.",
		Fields: func(s *State) []Field {
			w := s.Words
			kinds := []Option{{Value: "", Label: w.T("a volume")}, {Value: "pool", Label: w.T("a pool for thin volumes")}}
			for _, name := range d.pools(s, r) {
				kinds = append(kinds, Option{Value: "in:" + name, Label: w.T("a thin volume in %s", name)})
			}
			fields := []Field{Note{Text: r.Device + "  " + r.What}, f.named(s), Choice{Key: "thin", Label: w.T("Kind"), Options: kinds, Value: &f.thin}, f.sized(s)}
			if f.thin != "pool" {
				fields = append(fields, f.made(s, usesOf(s, false, false))...)
			}
			return fields
		},
		Leave: func(_ context.Context, s *State) error {
			spec, err := f.spec()
			if err != nil {
				return err
			}
			l := devices.LogicalSpec{Name: f.name, Thin: f.thin == "pool", Spec: spec}
			if pool, ok := strings.CutPrefix(f.thin, "in:"); ok {
				l.Pool = pool
			}
			return d.edited(s).AddLogical(r.ID, l)
		},
	}, nil
}

// pools are the thin pools of a group.
func (d *diskDraft) pools(s *State, group devices.Row) []string {
	var names []string
	for _, r := range d.edited(s).Rows() {
		if name, ok := strings.CutPrefix(r.Device, "/dev/"+group.Device+"/"); ok && r.Kind == devices.Pool && r.Fate != devices.Erased {
			names = append(names, name)
		}
	}
	return names
}

// addBtrfs asks for a btrfs over members.
func (d *diskDraft) addBtrfs(s *State) (*Page, error) {
	options, err := d.candidates(s, devices.AsBtrfs)
	if err != nil {
		return nil, err
	}
	d.device = deviceDraft{members: values(options), pass: d.device.pass}
	f := &d.device
	return &Page{
		ID: "destination-btrfs", Title: "New btrfs", Help: "A btrfs can be on several devices. Its subvolumes, which are mounted by themselves, are added to it in the table of devices.",
		Fields: func(s *State) []Field {
			w := s.Words
			return []Field{f.named(s), Marks{Key: "members", Label: w.T("Members"), Options: options, Values: &f.members},
				Choice{Key: "data", Label: w.T("Copies of the data"), Value: &f.data, Options: []Option{
					{Value: "", Label: w.T("one")}, {Value: "raid1", Label: w.T("two, on different devices (raid1)")},
					{Value: "raid0", Label: w.T("one, in stripes (raid0)")}, {Value: "raid10", Label: w.T("two, in stripes (raid10)")}}},
				Text{Key: "mount", Label: w.T("Mounted at"), Hint: w.T("Empty: only its subvolumes are."), Value: &f.mount, Check: checkMount}}
		},
		Leave: func(_ context.Context, s *State) error {
			b := devices.BtrfsSpec{Label: f.name, Members: f.members, Data: f.data, Mount: f.mount}
			if f.data == "raid1" || f.data == "raid10" {
				b.Metadata = f.data
			}
			return d.edited(s).AddBtrfs(b)
		},
	}, nil
}

// addSubvolume asks for a subvolume.
func (d *diskDraft) addSubvolume(s *State, r devices.Row) (*Page, error) {
	d.device = deviceDraft{pass: d.device.pass}
	f := &d.device
	return &Page{
		ID: "destination-subvolume", Title: "New subvolume", Help: "A subvolume is a part of a btrfs that is mounted by itself.",
		Fields: func(s *State) []Field {
			return []Field{Note{Text: r.Device + "  " + r.What}, f.named(s),
				Text{Key: "mount", Label: s.Words.T("Mounted at"), Hint: s.Words.T("Empty: nowhere."), Value: &f.mount, Check: checkMount}}
		},
		Leave: func(_ context.Context, s *State) error { return d.edited(s).AddSubvolume(r.ID, f.name, f.mount) },
	}, nil
}
