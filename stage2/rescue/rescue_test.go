package rescue_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/stage2/host"
	"github.com/molt-installer/molt/stage2/host/hosttest"
	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/rescue"
)

// desk is a terminal in memory.
type desk struct {
	bytes.Buffer
	lines []string
	shell func() error // what the person does in the shell
	began int          // shells
}

func (d *desk) ReadLine(ctx context.Context) (string, error) {
	if len(d.lines) == 0 {
		return "", io.EOF
	}
	line := d.lines[0]
	d.lines = d.lines[1:]
	return line, ctx.Err()
}

func (d *desk) Shell(context.Context) error {
	d.began++
	if d.shell != nil {
		return d.shell()
	}
	return nil
}

// bench is a rescue of a machine in memory. What is at rescue.Root depends on what is mounted there.
type bench struct {
	t        *testing.T
	host     *hosttest.Host
	desk     *desk
	machines []machine.Machine // what each probe finds, the last for ever
	inside   []string          // mount points while the shell ran
	holds    map[string]map[string]string
	rescue   rescue.Rescue
}

func newBench(t *testing.T, machines ...machine.Machine) *bench {
	b := &bench{t: t, host: hosttest.New(), desk: &desk{}, machines: machines, holds: map[string]map[string]string{}}
	b.desk.shell = func() error { b.inside = b.host.Mounted(); return nil }
	b.rescue = rescue.Rescue{Tools: tools{b.host, b}, Terminal: b.desk, Probe: func(context.Context) (machine.Machine, error) {
		m := b.machines[0]
		if len(b.machines) > 1 {
			b.machines = b.machines[1:]
		}
		return m, nil
	}}
	return b
}

// tools show, below rescue.Root, the files of what is mounted there.
type tools struct {
	*hosttest.Host
	b *bench
}

func (x tools) Mount(m host.Mount) error {
	if err := x.Host.Mount(m); err != nil {
		return err
	}
	for name, text := range x.b.holds[strings.TrimSuffix(m.Source+" "+subvolume(m.Options), " ")] {
		x.AddFile(m.Target+"/"+name, text)
	}
	return nil
}

func subvolume(options string) string {
	for o := range strings.SplitSeq(options, ",") {
		if name, ok := strings.CutPrefix(o, "subvol="); ok {
			return name
		}
	}
	return ""
}

func (x tools) Unmount(target string) error {
	if err := x.Host.Unmount(target); err != nil {
		return err
	}
	for _, n := range x.Names(target) {
		x.Remove(n)
	}
	return nil
}

func (b *bench) run() []string {
	b.t.Helper()
	if err := b.rescue.Run(b.t.Context()); err != nil {
		b.t.Fatalf("Run: %v\n%s", err, b.desk.String())
	}
	if b.desk.began != 1 {
		b.t.Errorf("%d shells have been started", b.desk.began)
	}
	if left := b.host.Mounted(); len(left) > 0 {
		b.t.Errorf("still mounted: %v", left)
	}
	return append(b.host.Called("mount "), b.host.Called("unmount ")...)
}

func (b *bench) said(words ...string) {
	b.t.Helper()
	for _, w := range words {
		if !strings.Contains(b.desk.String(), w) {
			b.t.Errorf("it doesn't say %q:\n%s", w, b.desk.String())
		}
	}
}

func (b *bench) check(got, want []string) {
	b.t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		b.t.Errorf("mounts (-want +got):\n%s\n%s", d, b.desk.String())
	}
}

const release = "NAME=x\nPRETTY_NAME=\"Debian 13\"\n"

// plain is a machine with an ESP, a root, a home and swap on one disk.
func plain() machine.Machine {
	return machine.Machine{Disks: []machine.Disk{{Path: "/dev/vda", Table: "gpt", Parts: []machine.Part{
		{Path: "/dev/vda1", FSType: "vfat", UUID: "AAAA-0001", PartUUID: "e5"},
		{Path: "/dev/vda2", FSType: "ext4", UUID: "0b", Label: "root"},
		{Path: "/dev/vda3", FSType: "xfs", UUID: "0c", Label: "my home"},
		{Path: "/dev/vda4", FSType: "swap", UUID: "0d"},
	}}}}
}

func system(fstab string) map[string]string {
	return map[string]string{"etc/fstab": fstab, "etc/hostname": "snake\n", "usr/lib/os-release": release}
}

const plainFstab = `# a comment
UUID=0b / ext4 errors=remount-ro 0 1
UUID=aaaa-0001 /boot/efi vfat umask=0077 0 1
LABEL="my\040home" /home xfs defaults,usrquota 0 2
UUID=0d none swap sw 0 0
tmpfs /tmp tmpfs defaults 0 0
server:/data /srv/data nfs _netdev 0 0
/dev/sr0 /media/cdrom0 udf,iso9660 user,noauto 0 0
UUID=ff /srv/gone ext4 defaults 0 2
`

// bound are the mounts that each system gets besides its own.
func bound(verb string, reverse bool) []string {
	dirs := []string{"/dev", "/dev/pts", "/proc", "/sys", "/run"}
	var lines []string
	for i := range dirs {
		d := dirs[i]
		if reverse {
			d = dirs[len(dirs)-1-i]
		}
		if verb == "mount" {
			lines = append(lines, "mount "+d+" on /mnt/sysroot"+d+" type bind")
		} else {
			lines = append(lines, "unmount /mnt/sysroot"+d)
		}
	}
	return lines
}

func join(parts ...[]string) (all []string) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

func TestPlain(t *testing.T) {
	b := newBench(t, plain())
	b.holds["/dev/vda2"] = system(plainFstab)
	b.check(b.run(), join([]string{
		"mount /dev/vda2 on /mnt/sysroot type ext4 read-only options noload",
		"mount /dev/vda3 on /mnt/sysroot type xfs read-only options norecovery,nouuid",
		"mount /dev/vda2 on /mnt/sysroot type ext4",
		"mount /dev/vda3 on /mnt/sysroot/home type xfs",
		"mount /dev/vda1 on /mnt/sysroot/boot/efi type vfat",
	}, bound("mount", false), []string{"unmount /mnt/sysroot", "unmount /mnt/sysroot"}, bound("unmount", true), []string{
		"unmount /mnt/sysroot/boot/efi", "unmount /mnt/sysroot/home", "unmount /mnt/sysroot",
	}))
	b.said(`Debian 13 "snake" on /dev/vda2 (ext4) is mounted read-write`, "chroot /mnt/sysroot",
		"/srv/gone (UUID=ff) is not mounted", "/srv/data (server:/data) is not mounted", "/media/cdrom0 (/dev/sr0) is not mounted")
	if len(b.inside) != 8 {
		t.Errorf("in the shell there was %v", b.inside)
	}
}

// TestAsleep: a system that hibernates keeps its file systems as they are.
func TestAsleep(t *testing.T) {
	b := newBench(t, plain())
	b.host.Answer(hosttest.Reply{Stdout: "/dev/vda9\n"}, "blkid", "-c", "/dev/null", "-t", "TYPE=swsuspend", "-o", "device")
	b.holds["/dev/vda2"] = system(plainFstab)
	b.run()
	if w := b.host.Writes(); len(w) > 0 || !strings.Contains(b.desk.String(), "/dev/vda9 holds a system that sleeps") || !strings.Contains(b.desk.String(), "is mounted read-only") {
		t.Errorf("written: %v\n%s", w, b.desk.String())
	}
}

func TestReadOnly(t *testing.T) {
	m := plain()
	m.Disks[0].Parts[3] = machine.Part{Path: "/dev/vda4", FSType: "btrfs", UUID: "0e"}
	m.Stacks = []machine.Stack{{Kind: "btrfs", UUID: "0e", Members: []string{"/dev/vda4"}, FSType: "btrfs"}}
	b := newBench(t, m)
	b.rescue.ReadOnly = true
	b.holds["/dev/vda2"] = system(plainFstab + "UUID=0e /srv btrfs rw,noatime,subvol=@srv,compress=zstd:3 0 0\n/srv /export none bind 0 0\n")
	b.check(b.run()[3:11], join([]string{
		"mount /dev/vda2 on /mnt/sysroot type ext4 read-only options noload",
		"mount /dev/vda3 on /mnt/sysroot/home type xfs read-only options norecovery,nouuid",
		"mount /dev/vda4 on /mnt/sysroot/srv type btrfs read-only options subvol=@srv,compress=zstd:3,rescue=nologreplay",
		"mount /mnt/sysroot/srv on /mnt/sysroot/export type bind read-only",
		"mount /dev/vda1 on /mnt/sysroot/boot/efi type vfat read-only",
	}, bound("mount", false)[:3]))
	if w := b.host.Writes(); len(w) > 0 {
		t.Errorf("written: %v", w)
	}
}

func TestVolumes(t *testing.T) {
	group := machine.Stack{Kind: "vg", Name: "vg-0", Members: []string{"/dev/md127"}, Volumes: []machine.Stacked{
		{Name: "root", FSType: "ext4"}, {Name: "var-log", FSType: "ext4"},
	}}
	off := machine.Machine{
		Disks: []machine.Disk{
			{Path: "/dev/vda", Parts: []machine.Part{{Path: "/dev/vda1", FSType: "linux_raid_member"}, {Path: "/dev/vda2", FSType: "linux_raid_member"}}},
			{Path: "/dev/vdb", InUse: "mounted on /molt/medium", FSType: "vfat"},
		},
		Stacks: []machine.Stack{{Kind: "raid", Name: "pv", Members: []string{"/dev/vda1"}}, {Kind: "raid", Name: "boot", Members: []string{"/dev/vda2"}}},
	}
	array := off
	array.Stacks = []machine.Stack{
		{Kind: "raid", Name: "pv", Members: []string{"/dev/vda1"}, Device: "/dev/md127", FSType: "LVM2_member"},
		{Kind: "raid", Name: "boot", Members: []string{"/dev/vda2"}, Device: "/dev/md126", FSType: "ext4"},
		group,
	}
	on := array
	on.Stacks = append([]machine.Stack{}, array.Stacks...)
	on.Stacks[2].Volumes = []machine.Stacked{
		{Name: "root", FSType: "ext4", Device: "/dev/vg-0/root"}, {Name: "var-log", FSType: "ext4", Device: "/dev/vg-0/var-log"},
	}
	for name, readOnly := range map[string]bool{"mdadm --assemble --scan --no-degraded": false, "mdadm --assemble --scan --no-degraded --readonly": true} {
		b := newBench(t, off, array, on)
		b.rescue.ReadOnly = readOnly
		b.host.Answer(hosttest.Reply{Stdout: "b00t\n"}, "blkid", "-p", "-o", "value", "-s", "UUID", "/dev/md126")
		b.holds["/dev/vg-0/root"] = system("/dev/mapper/vg--0-root / ext4\n/dev/mapper/vg--0-var--log /var/log ext4\nUUID=b00t /boot ext4\n")
		b.run()
		tools := append(b.host.Called("run mdadm"), b.host.Called("run lvm vgchange")...)
		if len(tools) != 2 || tools[0] != "run "+name || !strings.Contains(tools[1], "--devices /dev/md127 --yes --activate y vg-0") {
			t.Errorf("tools: %q", tools)
		}
		want := []string{"/mnt/sysroot", "/mnt/sysroot/boot", "/mnt/sysroot/var/log"}
		if d := cmp.Diff(want, b.inside[:3]); d != "" {
			t.Errorf("%s\n%s", d, b.desk.String())
		}
		if d := cmp.Diff([]string{"release /dev/vda"}, b.host.Called("release")); d != "" {
			t.Error(d)
		}
	}
}

func TestBtrfs(t *testing.T) {
	m := machine.Machine{
		Disks: []machine.Disk{{Path: "/dev/vda", FSType: "btrfs", UUID: "0e"}, {Path: "/dev/vdb", FSType: "btrfs", UUID: "0e"}},
		Stacks: []machine.Stack{{Kind: "btrfs", UUID: "0e", Members: []string{"/dev/vda", "/dev/vdb"}, FSType: "btrfs",
			Volumes: []machine.Stacked{{Name: "home"}, {Name: "root"}}}},
	}
	b := newBench(t, m)
	b.holds["/dev/vda root"] = system("UUID=0e / btrfs subvol=root\nUUID=0e /home btrfs subvol=home,discard=async\n")
	b.check(b.run()[3:5], []string{
		"mount /dev/vda on /mnt/sysroot type btrfs options subvol=root,device=/dev/vdb",
		"mount /dev/vda on /mnt/sysroot/home type btrfs options subvol=home,device=/dev/vdb",
	})
	b.said("subvolume root")
}

func TestChoice(t *testing.T) {
	for name, tt := range map[string]struct {
		lines []string
		want  string // mounted for the shell
	}{
		"the second":   {[]string{"", "7", "x", "2"}, "/dev/vda3"},
		"none":         {[]string{"0"}, ""},
		"nobody there": {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, plain())
			b.desk.lines = tt.lines
			b.holds["/dev/vda2"], b.holds["/dev/vda3"] = system(""), map[string]string{"etc/os-release": release}
			b.run()
			b.said(`1  Debian 13 "snake" on /dev/vda2 (ext4)`, "2  Debian 13 on /dev/vda3 (xfs)")
			if w := strings.Join(b.host.Writes(), " "); w != tt.want {
				t.Errorf("mounted for writing: %q", w)
			}
		})
	}
}

func TestNothingFound(t *testing.T) {
	m := plain()
	m.Disks[0].Parts[1].FSType = "crypto_LUKS"
	m.Stacks = []machine.Stack{{Kind: "luks", UUID: "0b", Members: []string{"/dev/vda2"}}}
	b := newBench(t, m)
	b.run()
	b.said("No installed system was found", "cryptsetup open /dev/vda2 rescue1", "mount /dev/mapper/rescue1 /mnt/sysroot")
	if len(b.inside) > 0 {
		t.Errorf("mounted: %v", b.inside)
	}
}

func TestNoMount(t *testing.T) {
	b := newBench(t, plain())
	b.rescue.NoMount = true
	b.holds["/dev/vda2"] = system(plainFstab)
	if calls := b.run(); len(calls) > 0 {
		t.Errorf("calls: %v", calls)
	}
}

// TestMountFails: what can't be mounted is named, the rest is there, and so is the shell.
func TestMountFails(t *testing.T) {
	for fails, there := range map[string]int{
		"mount /dev/vda2 on /mnt/sysroot type ext4 read-only": 0, "mount /dev/vda3 on /mnt/sysroot/home": 7,
		"mount /dev/vda1 on": 7, "mount /dev/pts": 7, "mount /run": 7,
	} {
		b := newBench(t, plain())
		b.holds["/dev/vda2"] = system(plainFstab)
		b.host.FailOn(fails, 1, errors.New("structure needs cleaning"))
		b.run()
		b.said("structure needs cleaning", strings.Fields(fails)[1]+" ")
		if len(b.inside) != there {
			t.Errorf("%s fails: in the shell there was %v", fails, b.inside)
		}
	}
}

// TestAnyCallFails: there is a shell, what failed has been said, and only what couldn't be
// unmounted is left.
func TestAnyCallFails(t *testing.T) {
	whole := newBench(t, plain())
	whole.holds["/dev/vda2"] = system(plainFstab)
	whole.run()
	for i, call := range whole.host.Calls() {
		b := newBench(t, plain())
		b.holds["/dev/vda2"] = system(plainFstab)
		b.host.FailAt(i+1, errors.New("boom"))
		if err := b.rescue.Run(t.Context()); err != nil || b.desk.began != 1 {
			t.Errorf("%q fails: %v, %d shells", call, err, b.desk.began)
		}
		mounting, unmounting := strings.HasPrefix(call, "mount "), strings.HasPrefix(call, "unmount ")
		if (mounting || unmounting) && !strings.Contains(b.desk.String(), "boom") {
			t.Errorf("%q fails, and it says\n%s", call, b.desk.String())
		}
		if left := b.host.Mounted(); !unmounting && len(left) > 0 {
			t.Errorf("%q fails: still mounted %v", call, left)
		}
	}
}

// TestLeave: what the person has mounted goes too, a mount in use is named and doesn't keep
// the others, and what they have unmounted themselves is no matter.
func TestLeave(t *testing.T) {
	b := newBench(t, plain())
	b.holds["/dev/vda2"] = system(plainFstab)
	b.host.AddFile("/proc/self/mounts", "overlay / overlay rw 0 0\n")
	b.desk.shell = func() error {
		b.host.Unmount("/mnt/sysroot/boot/efi")
		b.host.AddMount(host.Mount{Source: "/dev/vdc", Target: "/mnt/sysroot/my disk", FSType: "ext4"})
		b.host.AddFile("/proc/self/mounts", "overlay / overlay rw 0 0\n/dev/vda2 /mnt/sysroot ext4 rw 0 0\n/dev/vdc /mnt/sysroot/my\\040disk ext4 rw 0 0\n")
		return nil
	}
	b.host.FailOn("unmount /mnt/sysroot/home", 1, &host.BusyError{Path: "/mnt/sysroot/home", Holders: []string{"pid 7 (less)"}})
	if err := b.rescue.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.said("/mnt/sysroot/home is in use by pid 7 (less)")
	left := b.host.Mounted() // the root has the mount below it
	if d := cmp.Diff([]string{"/mnt/sysroot", "/mnt/sysroot/home"}, left); d != "" {
		t.Error(d)
	}
	if strings.Contains(b.desk.String(), syscall.EINVAL.Error()) {
		t.Errorf("it complains:\n%s", b.desk.String())
	}
}

// TestEnded: Ctrl-Alt-Del while a person is asked leaves nothing mounted and starts no shell.
func TestEnded(t *testing.T) {
	b := newBench(t, plain())
	ctx, cancel := context.WithCancel(t.Context())
	b.rescue.Probe = func(context.Context) (machine.Machine, error) { cancel(); return plain(), nil }
	b.holds["/dev/vda2"] = system(plainFstab)
	if err := b.rescue.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Run: %v", err)
	}
	if b.desk.began > 0 || len(b.host.Mounted()) > 0 {
		t.Errorf("%d shells, mounted %v", b.desk.began, b.host.Mounted())
	}
}

func TestNoShell(t *testing.T) {
	b := newBench(t, plain())
	b.holds["/dev/vda2"] = system(plainFstab)
	b.desk.shell = func() error { return syscall.ENOENT }
	if err := b.rescue.Run(t.Context()); !errors.Is(err, syscall.ENOENT) || len(b.host.Mounted()) > 0 {
		t.Errorf("Run: %v, mounted %v", err, b.host.Mounted())
	}
}
