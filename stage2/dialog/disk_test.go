package dialog_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/dialog"
	"github.com/molt-installer/molt/stage2/kickstart"
	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/words"
)

// diskTalk is a person at the destination.
type diskTalk struct {
	t     *testing.T
	s     *dialog.State
	pages []dialog.Page // the last one is shown
}

func destination(t *testing.T, m machine.Machine, given config.Answers) *diskTalk {
	t.Helper()
	f := dialog.Facts{Product: "Debian 13", Machine: m, Refused: map[string]string{}}
	for _, d := range m.Disks {
		if d.InUse != "" || d.Removable {
			f.Refused[d.Path] = "it is removable"
		} else {
			f.Disks = append(f.Disks, d)
		}
	}
	s := dialog.New(f, given, words.Open(words.English))
	pages := dialog.Pages()
	i := slices.IndexFunc(pages, func(p dialog.Page) bool { return p.ID == "destination" })
	s.Enter(pages[i])
	return &diskTalk{t, s, pages[i : i+1 : i+1]}
}

func recordedMachine(t *testing.T, name string) machine.Machine {
	t.Helper()
	m, err := machine.Load(filepath.Join("../../examples/machines", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (d *diskTalk) page() dialog.Page      { return d.pages[len(d.pages)-1] }
func (d *diskTalk) fields() []dialog.Field { return d.page().Fields(d.s) }

// set answers fields of the page, by their keys.
func (d *diskTalk) set(pairs ...string) {
	d.t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !d.answer(pairs[i], pairs[i+1]) {
			d.t.Fatalf("there is no field %s on %s:\n%s", pairs[i], d.page().ID, d.shown())
		}
	}
}

func (d *diskTalk) answer(key, value string) bool {
	d.t.Helper()
	for _, f := range d.fields() {
		switch f := f.(type) {
		case dialog.Text:
			if f.Key == key {
				*f.Value = value
				return true
			}
		case dialog.Choice:
			if f.Key == key {
				if !slices.ContainsFunc(f.Options, func(o dialog.Option) bool { return o.Value == value }) {
					d.t.Fatalf("%s can't be %q: %+v", key, value, f.Options)
				}
				*f.Value = value
				return true
			}
		case dialog.Marks:
			if f.Key == key {
				*f.Values = strings.Fields(value)
				return true
			}
		case dialog.Yes:
			if f.Key == key {
				*f.Value = value == "yes"
				return true
			}
		}
	}
	return false
}

// do is an action on a row of the table, and shows the page that it brings.
func (d *diskTalk) do(action, row string) error {
	d.t.Helper()
	for _, f := range d.fields() {
		t, ok := f.(dialog.Table)
		if !ok {
			continue
		}
		i := slices.IndexFunc(t.Actions, func(a dialog.RowAction) bool { return a.Key == action })
		if i < 0 || !t.Actions[i].Whole && !slices.ContainsFunc(t.Rows, func(r dialog.Row) bool { return r.Key == row }) {
			d.t.Fatalf("no %s for %s in\n%s", action, row, d.shown())
		}
		p, err := t.Actions[i].Do(context.Background(), row)
		if p != nil {
			d.pages = append(d.pages, *p)
		}
		return err
	}
	d.t.Fatal("there is no table")
	return nil
}

// leave goes on from the page.
func (d *diskTalk) leave() error {
	d.t.Helper()
	if err := d.page().Leave(context.Background(), d.s); err != nil {
		return err
	}
	if len(d.pages) > 1 {
		d.pages = d.pages[:len(d.pages)-1]
	}
	return nil
}

func (d *diskTalk) good(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatalf("%v\n%s", err, d.shown())
	}
}

// shown is the page in lines.
func (d *diskTalk) shown() string {
	var b strings.Builder
	for _, f := range d.fields() {
		switch f := f.(type) {
		case dialog.Table:
			for _, r := range f.Rows {
				fmt.Fprintf(&b, "%s\n", strings.TrimRight(strings.Join(r.Cells, " | "), " |"))
				if r.Bad != "" {
					fmt.Fprintf(&b, "  ! %s\n", r.Bad)
				}
			}
		case dialog.Note:
			fmt.Fprintf(&b, "%s\n", f.Text)
		case dialog.Marks:
			for _, o := range f.Options {
				fmt.Fprintf(&b, "%s: %s\n", o.Label, o.Hint)
			}
		}
	}
	return b.String()
}

// lines are what the kickstart says of the disks.
func (d *diskTalk) lines() string {
	d.t.Helper()
	a, err := d.s.Answers()
	if err != nil {
		d.t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(kickstart.Write(config.Answers{Storage: a.Storage})), "\n")
	return text
}

// TestGuidedPage: each field of the guided ways comes out in the kickstart.
func TestGuidedPage(t *testing.T) {
	for name, c := range map[string]struct {
		machine string
		set     []string
		want    string
	}{
		"the only disk is chosen already": {"bios-virtio", nil,
			"ignoredisk --only-use=vda\nzerombr\nclearpart --all --drives=vda --initlabel --disklabel=gpt\nautopart --type=plain --fstype=ext4\n"},
		"LVM over two, encrypted": {"server-64g", []string{"disks", "/dev/nvme0n1 /dev/nvme1n1", "scheme", "lvm", "fstype", "xfs", "swap", "no", "encrypt", "yes", "pass", "four words of it", "pass2", "four words of it"},
			"ignoredisk --only-use=nvme0n1,nvme1n1\nzerombr\nclearpart --all --drives=nvme0n1,nvme1n1 --initlabel --disklabel=gpt\nautopart --type=lvm --fstype=xfs --noswap --encrypted --passphrase=\"four words of it\"\n"},
		"beside": {"dualboot-uefi", []string{"way", "beside", "scheme", "btrfs", "home", "no"},
			"ignoredisk --only-use=nvme0n1\nautopart --type=btrfs --nohome\n"},
		"a smaller file system": {"bios-512m", []string{"way", "beside", "shrink", "/dev/sda1", "smaller", "6 GiB", "swap", "no"},
			"ignoredisk --only-use=sda\npart none --onpart=sda1 --size=6144 --resize --noformat\npart / --fstype=ext4 --size=256 --grow\n"},
		"a mirror": {"two-disks", []string{"disks", "/dev/sda /dev/sdb", "mirror", "yes", "swap", "no", "home", "no"},
			"ignoredisk --only-use=sda,sdb\nzerombr\nclearpart --all --drives=sda,sdb --initlabel --disklabel=gpt\npart biosboot --size=1 --ondisk=sda\npart biosboot --size=1 --ondisk=sdb\n" +
				"part raid.3 --size=256 --grow --ondisk=sda\npart raid.4 --size=256 --grow --ondisk=sdb\nraid / --fstype=ext4 --device=root --level=1 raid.3 raid.4\n"},
	} {
		t.Run(name, func(t *testing.T) {
			d := destination(t, recordedMachine(t, c.machine), config.Answers{})
			d.set(c.set...)
			d.good(d.leave())
			if diff := cmp.Diff(c.want, d.lines()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestGuidedPageSays: what is wrong is said on the page, and the page isn't left.
func TestGuidedPageSays(t *testing.T) {
	for want, c := range map[string]struct {
		machine string
		set     []string
	}{
		"no disk has been chosen":                        {"server-64g", nil},
		"type a passphrase, or leave the encryption out": {"bios-virtio", []string{"encrypt", "yes"}},
		"the two passphrases are not the same":           {"bios-virtio", []string{"encrypt", "yes", "pass", "one", "pass2", "other"}},
		"plain partitions are on one disk":               {"two-disks", []string{"disks", "/dev/sda /dev/sdb"}},
		"part of the array boot":                         {"raid-bios", []string{"disks", "/dev/sda"}},
		"has no unit":                                    {"bios-512m", []string{"way", "beside", "shrink", "/dev/sda1", "smaller", "6"}},
		"of which 934 MiB are free":                      {"bios-512m", []string{"way", "beside", "swap", "yes"}},
	} {
		d := destination(t, recordedMachine(t, c.machine), config.Answers{})
		d.set(c.set...)
		if err := d.leave(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	d := destination(t, recordedMachine(t, "server-64g"), config.Answers{Storage: config.Storage{Clear: config.Clear{Mode: "linux"}}})
	if d.lines() != "" {
		t.Errorf("no disk has been chosen, and the answers are\n%s", d.lines())
	}
	d = destination(t, recordedMachine(t, "two-disks"), config.Answers{})
	for _, want := range []string{"sdc: 14.5 GiB, SanDisk Ultra Fit (usb, removable) can't be used: it is removable", "sda: 1.8 TiB, ST2000DM008-2FR1 (sata): ", `Linux (ext2 "boot"`} {
		if !strings.Contains(d.shown(), want) {
			t.Errorf("no %q on\n%s", want, d.shown())
		}
	}
}

// TestStrengthPage: a passphrase is judged while it is typed, and never shown in what is said.
func TestStrengthPage(t *testing.T) {
	d := destination(t, recordedMachine(t, "bios-virtio"), config.Answers{})
	d.set("encrypt", "yes")
	for typed, want := range map[string]string{"": "", "swordfish": "Strength: very weak", "x9": "Strength: very weak; shorter than 8 letters",
		"correct horse battery staple": "Strength: strong", strings.Repeat("aB3$ ", 500): "Strength: strong"} {
		for _, f := range d.fields() {
			if text, ok := f.(dialog.Text); ok && text.Key == "pass" {
				if got := text.Remark(typed); got != want {
					t.Errorf("%.20s is %q, want %q", typed, got, want)
				}
			}
		}
	}
}

// TestManualPage: devices are added, changed, put together and deleted on the pages, with undo.
func TestManualPage(t *testing.T) {
	d := destination(t, recordedMachine(t, "lvm-uefi"), config.Answers{})
	d.set("way", "manual")
	const group = "old:vg:Yc8m2V-1pQr-7sTu-v3Wx-YzAb-4CdE-fGh5Ij"
	open := func(action, row string, set ...string) {
		t.Helper()
		d.good(d.do(action, row))
		d.set(set...)
		d.good(d.leave())
	}
	open("e", "part:/dev/sda2", "contents", "format", "as", "ext4", "mount", "/boot")
	open("e", group+"/root", "contents", "format", "as", "xfs", "mount", "/")
	open("e", group+"/home", "mount", "/home")
	open("a", group, "name", "srv", "size", "10 GiB", "as", "ext4", "mount", "/srv", "encrypt", "yes", "pass", "some words", "pass2", "some words")
	want := `part /boot --fstype=ext4 --onpart=sda2
volgroup vg0 --useexisting
logvol / --fstype=xfs --vgname=vg0 --name=root --useexisting
logvol /home --vgname=vg0 --name=home --noformat
logvol /srv --fstype=ext4 --vgname=vg0 --name=srv --size=10240 --encrypted --passphrase="some words"
`
	if diff := cmp.Diff(want, d.lines()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for _, line := range []string{"  vg0/srv | 10 GiB | volume | new: ext4, encrypted | /srv", `  vg0/home | 300 GiB | ext4 "home" | kept | /home`,
		"  sda1 | 512 MiB | EFI system (vfat) | kept | /boot/efi", "  sda2 | 488 MiB | Linux (ext4) | formatted: ext4 | /boot"} {
		if !strings.Contains(d.shown(), line+"\n") {
			t.Errorf("no %q in\n%s", line, d.shown())
		}
	}
	if strings.Contains(d.shown(), "some words") {
		t.Error("the passphrase is on the page")
	}
	d.good(d.leave())
	d.good(d.do("u", ""))
	if strings.Contains(d.lines(), "srv") || !strings.Contains(d.lines(), "/home") {
		t.Errorf("undone to\n%s", d.lines())
	}
	d.good(d.do("x", ""))
	if d.lines() != "" {
		t.Errorf("all kept, and it says\n%s", d.lines())
	}
	if err := d.leave(); err == nil || err.Error() != "nothing has been chosen yet" {
		t.Errorf("left with nothing chosen: %v", err)
	}
}

// TestManualStacks: arrays, groups and btrfs are put together of what was made for them.
func TestManualStacks(t *testing.T) {
	d := destination(t, recordedMachine(t, "server-64g"), config.Answers{})
	d.set("way", "manual")
	if err := d.do("r", ""); err == nil || !strings.Contains(err.Error(), "make partitions first, and use them as: member of an array") {
		t.Errorf("an array of nothing: %v", err)
	}
	for _, disk := range []string{"nvme0n1", "nvme1n1"} {
		for _, as := range []string{"raid", "raid", "btrfs."} {
			d.good(d.do("a", "disk:/dev/"+disk))
			d.set("as", as, "size", map[string]string{"btrfs.": ""}[as]+map[bool]string{true: "", false: "1 GiB"}[as == "btrfs."])
			d.good(d.leave())
		}
	}
	array := func(name, as, mount string, members string) {
		t.Helper()
		d.good(d.do("r", ""))
		d.set("name", name, "members", members, "as", as)
		if mount != "" {
			d.set("mount", mount)
		}
		d.good(d.leave())
	}
	array("efi", "efi", "", "new:1 new:4")
	array("boot", "ext4", "/boot", "new:2 new:5")
	d.good(d.do("b", ""))
	d.set("name", "tree", "data", "raid1")
	d.good(d.leave())
	d.good(d.do("a", "btrfs:0"))
	d.set("name", "root", "mount", "/")
	d.good(d.leave())
	d.good(d.leave()) // all that is needed is there
	want := `clearpart --all --drives=nvme0n1,nvme1n1 --initlabel --disklabel=gpt
part raid.1 --size=1024 --ondisk=nvme0n1
part raid.2 --size=1024 --ondisk=nvme0n1
part btrfs.1 --size=1 --grow --ondisk=nvme0n1
part raid.3 --size=1024 --ondisk=nvme1n1
part raid.4 --size=1024 --ondisk=nvme1n1
part btrfs.2 --size=1 --grow --ondisk=nvme1n1
raid /boot/efi --fstype=efi --device=efi --level=1 raid.1 raid.3
raid /boot --fstype=ext4 --device=boot --level=1 raid.2 raid.4
btrfs none --label=tree --data=raid1 --metadata=raid1 btrfs.1 btrfs.2
btrfs / --subvol --name=root LABEL=tree
`
	if diff := cmp.Diff(want, d.lines()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestDiskGone: a disk that vanishes while its page is open is said to be gone, and is chosen
// again when it comes back.
func TestDiskGone(t *testing.T) {
	m := recordedMachine(t, "server-64g")
	d := destination(t, m, config.Answers{})
	now := m.Disks
	d.s.Facts.Probe = func(context.Context) (machine.Machine, []machine.Disk, map[string]string, error) {
		m.Disks = now
		return m, now, map[string]string{}, nil
	}
	look := func() {
		for _, f := range d.fields() {
			if b, ok := f.(dialog.Button); ok && b.Key == "probe" {
				_, err := b.Do(t.Context())
				d.good(err)
			}
		}
	}
	d.set("disks", "/dev/nvme1n1")
	before := d.lines()
	now = slices.Delete(slices.Clone(m.Disks), 1, 2)
	look()
	if err := d.leave(); err == nil || !strings.Contains(err.Error(), "/dev/nvme1n1 is not there any more") || !strings.Contains(d.shown(), "/dev/nvme1n1 is not there any more") {
		t.Errorf("%v on\n%s", err, d.shown())
	}
	now = recordedMachine(t, "server-64g").Disks
	look()
	d.good(d.leave())
	if d.lines() != before {
		t.Errorf("it came back, and the answers are\n%s", d.lines())
	}
}

// TestKickstartFirst: what a kickstart says of the disks stays until another way is chosen, and is
// where the manual way begins.
func TestKickstartFirst(t *testing.T) {
	given := config.Answers{Storage: config.Storage{Clear: config.Clear{Mode: "all", Drives: []string{"vda"}, InitLabel: true}, Zerombr: true, Auto: &config.Autopart{Type: "lvm"}}}
	d := destination(t, recordedMachine(t, "bios-virtio"), given)
	if got := d.lines(); got != "zerombr\nclearpart --all --drives=vda --initlabel\nautopart --type=lvm\n" {
		t.Errorf("untouched, it says\n%s", got)
	}
	d.set("way", "manual")
	if got := d.lines(); !strings.Contains(got, "volgroup vg0 pv.auto1\n") || strings.Contains(got, "autopart") {
		t.Errorf("by hand it begins with\n%s", got)
	}
	d.set("way", "given")
	if got := d.lines(); !strings.Contains(got, "autopart") {
		t.Errorf("back again, it says\n%s", got)
	}
}

// TestGivenDisks: of the disks that a kickstart names, those that can be had are chosen to begin with, each once.
func TestGivenDisks(t *testing.T) {
	d := destination(t, recordedMachine(t, "two-disks"), config.Answers{Storage: config.Storage{Clear: config.Clear{Mode: "all", Drives: []string{"sd*", "sda"}, InitLabel: true}}})
	d.set("scheme", "lvm")
	if got, _, _ := strings.Cut(d.lines(), "\n"); got != "ignoredisk --only-use=sda,sdb" {
		t.Errorf("chosen to begin with: %s", got)
	}
}

// TestManyDisks: 400 disks are shown and judged in a time that nobody notices.
func TestManyDisks(t *testing.T) {
	m := machine.Machine{Firmware: machine.UEFI, Memory: 1 << 34}
	for i := range 400 {
		m.Disks = append(m.Disks, machine.Disk{Path: fmt.Sprintf("/dev/sd%c%c%c", 'a'+i/26/26, 'a'+i/26%26, 'a'+i%26), Size: 4 << 40, Sector: 512, Serial: fmt.Sprintf("S%04d", i), Transport: "sas"})
	}
	d := destination(t, m, config.Answers{})
	d.set("disks", m.Disks[399].Path)
	d.good(d.leave())
	marks := d.fields()[1].(dialog.Marks)
	if len(marks.Options) != 400 || !strings.Contains(marks.Options[399].Find, "S0399") {
		t.Errorf("%d disks, the last is found by %q", len(marks.Options), marks.Options[len(marks.Options)-1].Find)
	}
	d.set("way", "manual")
	if n := strings.Count(d.shown(), "\n"); n < 400 {
		t.Errorf("%d lines for 400 disks", n)
	}
}

// TestOtherDisk: what was to be made smaller on one disk stays as it is when another disk is chosen.
func TestOtherDisk(t *testing.T) {
	d := destination(t, recordedMachine(t, "two-disks"), config.Answers{})
	d.set("disks", "/dev/sda", "way", "beside", "shrink", "/dev/sda1", "smaller", "500 MiB")
	if !strings.Contains(d.lines(), "--onpart=sda1") {
		t.Errorf("on its disk:\n%s", d.lines())
	}
	d.set("disks", "/dev/sdb")
	if strings.Contains(d.lines(), "sda") {
		t.Errorf("on another disk:\n%s", d.lines())
	}
	d.set("way", "erase")
	if strings.Contains(d.lines(), "sda") {
		t.Errorf("on another way:\n%s", d.lines())
	}
}

// TestKeptAsItIs: swap space and what is encrypted are used as they are.
func TestKeptAsItIs(t *testing.T) {
	d := destination(t, recordedMachine(t, "windows-mbr"), config.Answers{})
	d.set("way", "manual")
	d.good(d.do("e", "part:/dev/sda7"))
	d.set("swap", "yes")
	d.good(d.leave())
	if got := d.lines(); got != "part swap --onpart=sda7 --noformat\n" {
		t.Errorf("swap space: %s", got)
	}
	d.good(d.do("e", "part:/dev/sda7"))
	d.set("swap", "no")
	d.good(d.leave())
	if got := d.lines(); got != "" {
		t.Errorf("swap space that isn't used: %s", got)
	}
	d = destination(t, recordedMachine(t, "no-network"), config.Answers{})
	d.set("way", "manual")
	d.good(d.do("e", "part:/dev/nvme0n1p3"))
	d.set("mount", "/home", "as", "xfs", "pass", "p q", "pass2", "p q")
	d.good(d.leave())
	if got := d.lines(); got != "part /home --fstype=xfs --onpart=nvme0n1p3 --noformat --encrypted --passphrase=\"p q\"\n" {
		t.Errorf("encrypted: %s", got)
	}
}

// TestNameOfAnother: what was chosen for a disk isn't done to another one that has its name
// later, and that is said; not when the disk wasn't chosen.
func TestNameOfAnother(t *testing.T) {
	old, other := recordedMachine(t, "two-disks"), recordedMachine(t, "two-disks")
	old.Disks[1].Seq, other.Disks[1].Seq = 7, 8
	gone := old
	gone.Disks = old.Disks[:1:1]
	for name, c := range map[string]struct {
		choose func(d *diskTalk)
		lost   bool
	}{
		"marked": {func(d *diskTalk) { d.set("disks", "/dev/sdb") }, true},
		"by hand": {func(d *diskTalk) {
			d.set("way", "manual")
			d.good(d.do("e", "disk:/dev/sdb"))
			d.set("table", "gpt")
			d.good(d.leave())
		}, true},
		"untouched": {func(d *diskTalk) { d.set("disks", "/dev/sda") }, false},
	} {
		d := destination(t, old, config.Answers{})
		now := gone
		d.s.Facts.Probe = func(context.Context) (machine.Machine, []machine.Disk, map[string]string, error) {
			return now, now.Disks, map[string]string{}, nil
		}
		look := func() (err error) {
			for _, f := range d.fields() {
				if b, ok := f.(dialog.Button); ok && b.Key == "probe" {
					_, err = b.Do(t.Context())
				}
			}
			return err
		}
		c.choose(d)
		before := d.lines()
		d.good(look())
		now = other
		err := look()
		switch {
		case !c.lost && (err != nil || d.lines() != before):
			t.Errorf("%s: %v, and it says\n%s", name, err, d.lines())
		case c.lost && (err == nil || !strings.Contains(err.Error(), "the disk /dev/sdb is not there any more")):
			t.Errorf("%s: nothing is said but %v", name, err)
		case c.lost && (strings.Contains(d.lines(), "sdb") || d.leave() == nil):
			t.Errorf("%s: it still says\n%s", name, d.lines())
		}
	}
}
