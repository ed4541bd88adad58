package dialog

import (
	"errors"
	"fmt"
	"slices"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/devices"
	"github.com/molt-installer/molt/stage2/machine"
)

// guided asks for what a layout follows from.
func (d *diskDraft) guided(s *State) []Field {
	w := s.Words
	fields := append(d.diskList(s), Choice{Key: "scheme", Label: w.T("Made of"), Options: d.schemes(s), Value: &d.scheme})
	if d.scheme != "btrfs" {
		fields = append(fields, Choice{Key: "fstype", Label: w.T("File system"), Options: plainOptions([]string{"ext4", "xfs"}), Value: &d.fstype})
	}
	if d.way == devices.Erase && len(d.disks) == 2 {
		fields = append(fields, Yes{Key: "mirror", Label: w.T("Mirror (RAID 1): everything on both disks"), Value: &d.mirror,
			Hint: w.T("When one disk fails, the machine starts from the other one.")})
	}
	if d.way == devices.Beside {
		fields = append(fields, d.smallerFields(s)...)
	}
	fields = append(fields,
		Yes{Key: "swap", Label: w.T("Swap space"), Value: &d.swap},
		Yes{Key: "home", Label: w.T("A file system of its own for /home, when there is room for it"), Value: &d.home},
		Yes{Key: "encrypt", Label: w.T("Encrypt it"), Value: &d.encrypt, Hint: w.T("The passphrase is asked for whenever the machine starts. Without it nobody can read the disk, nor can you.")})
	if d.encrypt {
		fields = append(fields, passphrase(s, &d.pass)...)
	}
	if err := d.sound(s); err != nil && len(d.disks) > 0 && (!d.encrypt || d.pass.first != "") {
		fields = append(fields, Note{Text: w.Said(err.Error()), Bad: true})
	}
	return fields
}

// diskList offers the disks, tells of those that can't be had, and looks again.
func (d *diskDraft) diskList(s *State) []Field {
	w := s.Words
	var options []Option
	for _, at := range s.Facts.Disks {
		options = append(options, d.diskOption(s, at))
	}
	for _, path := range d.disks {
		if !slices.ContainsFunc(s.Facts.Disks, func(at machine.Disk) bool { return at.Path == path }) {
			options = append(options, Option{Value: path, Label: w.T("%s is not there any more", path)})
		}
	}
	var fields []Field
	if len(options) == 0 {
		fields = append(fields, Note{Text: w.T("There is no disk that could be installed to."), Bad: true})
	} else {
		fields = append(fields, Marks{Key: "disks", Label: w.T("Which disks?"), Options: options, Values: &d.disks, Hints: true, Check: someDisk})
	}
	fields = append(fields, d.refused(s)...)
	if s.Facts.Probe != nil {
		fields = append(fields, Button{Key: "probe", Label: w.T("Look for disks again"), Do: s.probe})
	}
	return fields
}

func someDisk(disks []string) error {
	if len(disks) == 0 {
		return errors.New("no disk has been chosen")
	}
	return nil
}

func (d *diskDraft) diskOption(s *State, at machine.Disk) Option {
	label := at.Describe()
	if d.way == devices.Beside {
		label = s.Words.T("%s; %s free", label, machine.Size(devices.Room(at)))
	}
	return Option{Value: at.Path, Label: label, Hint: s.Words.Said(s.Facts.Machine.Contents(at)), Find: at.Serial + " " + at.Path}
}

// refused tells of a few disks why they can't be used.
func (d *diskDraft) refused(s *State) []Field {
	const most = 4
	var text string
	n := 0
	for _, at := range s.Facts.Machine.Disks {
		why := s.Facts.Refused[at.Path]
		if why == "" {
			continue
		}
		if n++; n <= most {
			text += s.Words.T("%s can't be used: %s", at.Describe(), s.Words.Said(why)) + "\n"
		}
	}
	switch {
	case n == 0:
		return nil
	case n > most:
		text += s.Words.N("and %d more disk", "and %d more disks", n-most, n-most)
	}
	return []Field{Note{Text: text}}
}

func (d *diskDraft) schemes(s *State) []Option {
	w := s.Words
	return []Option{
		{Value: "plain", Label: w.T("plain partitions")},
		{Value: "lvm", Label: w.T("LVM: volumes that can be changed later")},
		{Value: "thinp", Label: w.T("LVM with thin volumes: for snapshots")},
		{Value: "btrfs", Label: w.T("btrfs with subvolumes: for snapshots")},
	}
}

// smallerFields ask which file system makes room.
func (d *diskDraft) smallerFields(s *State) []Field {
	w := s.Words
	options := []Option{{Value: "", Label: w.T("none")}}
	for _, p := range devices.Shrinkable(s.Facts.Machine, d.disks) {
		options = append(options, Option{Value: p.Path, Label: fmt.Sprintf("%s: %s", p.Path, p.Describe())})
	}
	if len(options) == 1 {
		return nil
	}
	fields := []Field{Choice{Key: "shrink", Label: w.T("Make a file system smaller"), Options: options, Value: &d.shrink}}
	if slices.ContainsFunc(options[1:], func(o Option) bool { return o.Value == d.shrink }) {
		fields = append(fields, Text{Key: "smaller", Label: w.T("Its size then"), Hint: w.T("Like 20 GiB. What is on it stays; have a copy of it."), Value: &d.smaller, Check: checkSize})
	}
	return fields
}

func checkSize(text string) error {
	_, err := devices.ParseSize(text)
	return err
}

func (d *diskDraft) mirrored() bool {
	return d.mirror && d.way == devices.Erase && len(d.disks) == 2
}

// choices are those for the layout.
func (d *diskDraft) choices(s *State) (devices.Guided, error) {
	g := devices.Guided{Disks: d.disks, How: d.way, Scheme: d.scheme, FSType: d.fstype, NoSwap: !d.swap, NoHome: !d.home, Mirror: d.mirrored()}
	asked := slices.ContainsFunc(devices.Shrinkable(s.Facts.Machine, d.disks), func(p machine.Part) bool { return p.Path == d.shrink })
	if d.way == devices.Beside && asked {
		size, err := devices.ParseSize(d.smaller)
		if err != nil {
			return g, err
		}
		g.Shrink, g.ShrinkMiB = d.shrink, size
	}
	if !d.encrypt {
		return g, nil
	}
	luks, err := d.pass.luks()
	g.LUKS = luks
	return g, err
}

// passphrase asks for the one that a device is encrypted with.
func passphrase(s *State, d *secretDraft) []Field {
	fields := d.fields(s, "pass", s.Words.T("Passphrase"), s.Words.T("A few words that don't belong together are strong and can be remembered."))
	for i, f := range fields {
		if text, ok := f.(Text); ok && text.Value == &d.first {
			text.Remark = strength(s.Words)
			fields[i] = text
		}
	}
	return fields
}

// luks is how a device is encrypted.
func (d *secretDraft) luks() (*config.LUKS, error) {
	if d.first == "" {
		return nil, errors.New("type a passphrase, or leave the encryption out")
	}
	if err := d.agree(); err != nil {
		return nil, errors.New("the two passphrases are not the same, or hold control characters")
	}
	return &config.LUKS{Passphrase: config.Secret(d.first)}, nil
}
