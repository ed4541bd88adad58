package dialog

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/devices"
	"github.com/molt-installer/molt/stage2/machine"
)

// What becomes of what is on a device.
const (
	contentsKeep   = "keep"
	contentsFormat = "format"
)

// deviceDraft is a device while it is typed.
type deviceDraft struct {
	table    string
	contents string
	as       string
	mount    string
	size     string
	label    string
	encrypt  bool
	swap     bool // swap space that is there is used as it is
	pass     secretDraft

	name    string
	level   string
	members []string
	spares  string
	thin    string // "", "pool", or the pool that the volume is in after "in:"
	data    string
}

// checkMount looks at a mount point while it is typed; what else is wrong with it the layout says.
func checkMount(mount string) error {
	if mount != "" && (!strings.HasPrefix(mount, "/") || path.Clean(mount) != mount) {
		return errors.New("a mount point is a path from /, like /home")
	}
	return nil
}

// usesOf are what a device can be.
func usesOf(s *State, partition, member bool) []Option {
	var options []Option
	for _, fs := range devices.Filesystems() {
		options = append(options, Option{Value: fs, Label: fs})
	}
	all := []string{devices.AsSwap}
	if partition {
		all = append(all, devices.AsEFI, devices.AsBIOSBoot, devices.AsRAID)
	}
	if member {
		all = append(all, devices.AsLVM, devices.AsBtrfs)
	}
	for _, as := range all {
		options = append(options, Option{Value: as, Label: asWords(s, as)})
	}
	return options
}

// isFilesystem reports whether as is one that is mounted where a person says.
func isFilesystem(as string) bool {
	switch as {
	case devices.AsSwap, devices.AsEFI, devices.AsBIOSBoot, devices.AsRAID, devices.AsLVM, devices.AsBtrfs:
		return false
	}
	return true
}

// made asks what is made on a device.
func (f *deviceDraft) made(s *State, uses []Option) []Field {
	w := s.Words
	fields := []Field{Choice{Key: "as", Label: w.T("Use as"), Options: uses, Value: &f.as}}
	if isFilesystem(f.as) {
		fields = append(fields, Text{Key: "mount", Label: w.T("Mounted at"), Hint: w.T("Like / or /home; empty: nowhere."), Value: &f.mount, Check: checkMount},
			Text{Key: "label", Label: w.T("Label"), Value: &f.label})
	}
	if f.as == devices.AsEFI || f.as == devices.AsBIOSBoot || f.as == devices.AsRAID {
		return fields
	}
	fields = append(fields, Yes{Key: "encrypt", Label: w.T("Encrypt it"), Value: &f.encrypt})
	if f.encrypt {
		fields = append(fields, passphrase(s, &f.pass)...)
	}
	return fields
}

// sized asks for the size of a new device.
func (f *deviceDraft) sized(s *State) Field {
	return Text{Key: "size", Label: s.Words.T("Size"), Hint: s.Words.T("Like 20 GiB; empty: all that is left."), Value: &f.size, Check: func(text string) error {
		if text == "" {
			return nil
		}
		return checkSize(text)
	}}
}

// spec is what was typed.
func (f *deviceDraft) spec() (devices.Spec, error) {
	spec := devices.Spec{As: f.as, Keep: f.contents == contentsKeep}
	switch {
	case spec.Keep && f.swap:
		spec.As = devices.AsSwap
	case spec.Keep && f.as == devices.AsSwap:
		spec.As = "" // it isn't used any more
	}
	if isFilesystem(f.as) || spec.Keep {
		spec.Mount, spec.Label = f.mount, f.label
	}
	if f.size == "" {
		spec.Rest = true
	} else {
		size, err := devices.ParseSize(f.size)
		if err != nil {
			return spec, err
		}
		spec.SizeMiB = size
	}
	if !f.encrypt || spec.Keep && f.mount == "" || f.as == devices.AsEFI || f.as == devices.AsBIOSBoot || f.as == devices.AsRAID {
		return spec, nil
	}
	luks, err := f.pass.luks()
	spec.LUKS = luks
	return spec, err
}

// draftOf fills a draft with what a device is to be.
func draftOf(spec devices.Spec) deviceDraft {
	f := deviceDraft{as: spec.As, mount: spec.Mount, label: spec.Label, encrypt: spec.LUKS != nil, contents: contentsFormat}
	if spec.Keep {
		f.contents = contentsKeep
	}
	if spec.SizeMiB > 0 && !spec.Rest {
		f.size = devices.WriteSize(spec.SizeMiB)
	}
	if spec.LUKS != nil {
		f.pass = secretDraft{first: string(spec.LUKS.Passphrase), again: string(spec.LUKS.Passphrase)}
	}
	return f
}

// addPartition asks for a partition in the free room of a disk.
func (d *diskDraft) addPartition(s *State, r devices.Row) (*Page, error) {
	if why := s.Facts.Refused[r.Device]; why != "" {
		return nil, errors.New(r.Device + " can't be used: " + why)
	}
	d.device = deviceDraft{as: "ext4", pass: d.device.pass}
	note := r.Device
	if r.Kind == devices.Free {
		note = s.Words.T("%s, of which %s are free here", r.Device, machine.Size(r.Size))
	}
	return &Page{
		ID: "destination-add", Title: "New partition", Help: deviceHelp,
		Fields: func(s *State) []Field {
			return append([]Field{Note{Text: note}, d.device.sized(s)}, d.device.made(s, usesOf(s, true, true))...)
		},
		Leave: func(_ context.Context, s *State) error {
			spec, err := d.device.spec()
			if err == nil {
				err = d.edited(s).AddPartition(r.Device, spec)
			}
			return err
		},
	}, nil
}

const deviceHelp = "A file system is mounted where you say. Members of arrays (RAID), of volume groups (LVM) and of a btrfs are made first, " +
	"and then put together in the table of devices.\n" +
	"A machine with UEFI starts from an EFI system partition of about 500 MiB; one with BIOS from a disk with an msdos table, or with a BIOS boot partition of 1 MiB."

// openDevice changes a partition, an array or a volume.
func (d *diskDraft) openDevice(s *State, r devices.Row) *Page {
	spec, _ := d.edited(s).Spec(r.ID)
	pass := d.device.pass
	d.device = draftOf(spec)
	if spec.LUKS == nil {
		d.device.pass = pass
	}
	d.device.swap = spec.Keep && spec.As == devices.AsSwap
	old := r.Fate != devices.Made
	if old && d.device.size == "" {
		d.device.size = devices.WriteSize(r.Size >> 20)
	}
	return &Page{
		ID: "destination-device", Title: "Device", Help: deviceHelp,
		Fields: func(s *State) []Field { return d.deviceFields(s, r, old) },
		Leave: func(_ context.Context, s *State) error {
			spec, err := d.device.spec()
			if err == nil {
				err = d.edited(s).Change(r.ID, spec)
			}
			return err
		},
	}
}

func (d *diskDraft) deviceFields(s *State, r devices.Row, old bool) []Field {
	w, f := s.Words, &d.device
	fields := []Field{Note{Text: strings.TrimSpace(r.Device + "  " + r.What)}}
	if old {
		fields = append(fields, Choice{Key: "contents", Label: w.T("What is on it"), Value: &f.contents, Options: []Option{
			{Value: contentsKeep, Label: w.T("stays")}, {Value: contentsFormat, Label: w.T("is lost: it is made anew")}}})
	}
	switch {
	case r.Kind == devices.Pool && old || r.Kind != devices.Partition && r.Kind != devices.Volume && r.Kind != devices.Pool:
	case old && (f.contents == contentsFormat || resizable(r.Holds)):
		fields = append(fields, Text{Key: "size", Label: w.T("Size"), Hint: w.T("Another size makes it smaller or larger: ext2, ext3 and ext4 can be both, xfs and btrfs only larger."), Value: &f.size, Check: checkSize})
	case !old:
		fields = append(fields, f.sized(s))
	}
	switch {
	case r.Kind == devices.Pool:
	case old && f.contents == contentsKeep:
		fields = append(fields, f.kept(s, r)...)
	default:
		fields = append(fields, f.made(s, usesOf(s, r.Kind == devices.Partition, r.Kind != devices.Volume))...)
	}
	return fields
}

// resizable reports whether a file system can get another size and keep what is on it.
func resizable(fstype string) bool {
	return slices.Contains([]string{"ext2", "ext3", "ext4", "xfs", "btrfs"}, fstype)
}

// kept asks for what is there and stays: of what is encrypted and closed also what is in it.
func (f *deviceDraft) kept(s *State, r devices.Row) []Field {
	w := s.Words
	if r.Holds == devices.AsSwap {
		return []Field{Yes{Key: "swap", Label: w.T("Use it as swap space"), Value: &f.swap}}
	}
	if r.Holds == "LVM2_member" || r.Holds == "linux_raid_member" {
		return []Field{Note{Text: w.T("What it is a part of has a row of its own in the table.")}}
	}
	fields := []Field{Text{Key: "mount", Label: w.T("Mounted at"), Hint: w.T("Empty: it isn't used."), Value: &f.mount, Check: checkMount}}
	if r.Holds != "crypto_LUKS" {
		return fields
	}
	if f.encrypt = f.mount != ""; !f.encrypt {
		return fields
	}
	fields = append(fields, Choice{Key: "as", Label: w.T("File system in it"), Options: plainOptions(devices.Filesystems()), Value: &f.as})
	return append(fields, passphrase(s, &f.pass)...)
}

// openMount changes where a btrfs or a subvolume is mounted.
func (d *diskDraft) openMount(s *State, r devices.Row) *Page {
	d.device = deviceDraft{mount: r.Mount}
	return &Page{
		ID: "destination-mount", Title: "Device", Help: "A subvolume is a part of a btrfs that is mounted by itself.",
		Fields: func(s *State) []Field {
			w := s.Words
			return []Field{Note{Text: r.Device + "  " + r.What},
				Text{Key: "mount", Label: w.T("Mounted at"), Hint: w.T("Empty: nowhere."), Value: &d.device.mount, Check: checkMount}}
		},
		Leave: func(_ context.Context, s *State) error {
			return d.edited(s).Change(r.ID, devices.Spec{As: "btrfs", Keep: r.Fate != devices.Made, Mount: d.device.mount})
		},
	}
}
