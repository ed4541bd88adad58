package linuxhost

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/stage2/host"
	"github.com/molt-installer/molt/stage2/machine"
)

// superblock makes one of version 1.2, with its checksum (calc_sb_1_csum of
// drivers/md/md.c), on a device of so many bytes.
func superblock(size int64, role int, uuid byte, name string, level int32, disks uint32) []byte {
	image := make([]byte, size)
	h, le := image[4096:8192], binary.LittleEndian
	le.PutUint32(h, mdMagic)
	le.PutUint32(h[4:], 1)
	for i := range 16 {
		h[16+i] = uuid
	}
	copy(h[32:64], name)
	le.PutUint32(h[72:], uint32(level))
	if level == 10 {
		le.PutUint32(h[76:], 0x102)
	}
	const data = 2048 // sectors
	if level > 0 {
		le.PutUint64(h[80:], uint64(size/512-data))
		le.PutUint32(h[88:], 128)
	}
	le.PutUint32(h[92:], disks)
	le.PutUint64(h[128:], data)
	le.PutUint64(h[136:], uint64(size/512-data))
	le.PutUint64(h[144:], 8)
	le.PutUint32(h[160:], uint32(role))
	le.PutUint64(h[200:], 17)
	le.PutUint32(h[220:], disks)
	for i := range disks {
		le.PutUint16(h[256+2*i:], uint16(i))
	}
	var sum uint64
	for at := 0; at < 256+2*int(disks); at += 4 {
		if at+4 > 256+2*int(disks) {
			sum += uint64(le.Uint16(h[at:]))
		} else {
			sum += uint64(le.Uint32(h[at:]))
		}
	}
	le.PutUint32(h[216:], uint32(sum)+uint32(sum>>32))
	return image
}

// What is read here is what mdadm says of the same superblock.
func TestReadMDAgainstMdadm(t *testing.T) {
	if _, err := exec.LookPath("mdadm"); err != nil {
		t.Skip("mdadm is not installed")
	}
	for level, name := range map[int32]string{1: "shed:boot", 0: "shed:scratch", 5: "plain", 6: "6", 10: "shed:10"} {
		image := superblock(8<<20, 2, 0xa5, name, level, 4)
		path := filepath.Join(t.TempDir(), "member")
		write(t, path, image, 0o600)
		loop := attach(t, path)
		out, err := exec.Command("mdadm", "--examine", loop).CombinedOutput()
		if err != nil || !bytes.Contains(out, []byte("- correct")) {
			t.Fatalf("level %d: mdadm doesn't take it: %v\n%s", level, err, out)
		}
		got, err := readMD(bytes.NewReader(image), int64(len(image)))
		if err != nil {
			t.Fatal(err)
		}
		said := fields(string(out))
		want := map[string]string{
			"Array UUID": got.uuid, "Raid Level": "raid" + got.levelName(), "Raid Devices": fmt.Sprint(got.disks),
			"Device Role": fmt.Sprintf("Active device %d", got.role), "Events": fmt.Sprint(got.events),
			"Data Offset": fmt.Sprintf("%d sectors", got.data/512),
		}
		for key, value := range want {
			if said[key] != value {
				t.Errorf("level %d: %s is %q by mdadm, %q here", level, key, said[key], value)
			}
		}
		if first, _, _ := strings.Cut(said["Name"], " "); first != got.name {
			t.Errorf("level %d: name %q by mdadm, %q here", level, said["Name"], got.name)
		}
		size, _, _ := strings.Cut(said["Array Size"], " ")
		if ours := fmt.Sprint(got.size(4*got.used) / 1024); level > 0 && size != ours {
			t.Errorf("level %d: %s KiB by mdadm, %s here", level, size, ours)
		}
	}
}

func fields(text string) map[string]string {
	f := map[string]string{}
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(line, " : "); ok {
			f[strings.TrimSpace(key)] = strings.TrimSpace(value)
		}
	}
	return f
}

// attach makes a loop device of a file, for tests as root.
func attach(t *testing.T, path string) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, for loop devices")
	}
	out, err := exec.Command("losetup", "--find", "--show", path).CombinedOutput()
	if err != nil {
		t.Skipf("no loop device to be had: %v: %s", err, out)
	}
	loop := strings.TrimSpace(string(out))
	t.Cleanup(func() {
		if out, err := exec.Command("losetup", "--detach", loop).CombinedOutput(); err != nil {
			t.Errorf("losetup --detach %s: %v: %s", loop, err, out)
		}
	})
	return loop
}

// onDevices are the stacks found on devices of this machine.
func onDevices(t *testing.T, tools host.Commands, devices ...string) *stacks {
	t.Helper()
	s := &stacks{p: prober{root: "/", tools: tools}}
	for _, d := range devices {
		size := s.p.number("sys/block/"+filepath.Base(d)+"/size") * sysSector
		v, err := s.p.volume(d, size)
		if err != nil {
			t.Fatal(err)
		}
		s.add(piece{d, "sys/block/" + filepath.Base(d), size, v})
	}
	return s
}

func shell(t *testing.T, script string, args ...string) {
	t.Helper()
	out, err := exec.Command("sh", append([]string{"-euc", script, "sh"}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
}

func sparse(t *testing.T, mib int64) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "image")
	write(t, path, nil, 0o600)
	if err := os.Truncate(path, mib<<20); err != nil {
		t.Fatal(err)
	}
	return path
}

// A volume group made by lvm, over two devices: what is in its volumes is read without
// activating one, also when a device is missing, and nothing is written.
func TestProbeRealGroup(t *testing.T) {
	if _, err := exec.LookPath("lvm"); err != nil {
		t.Skip("lvm2 is not installed")
	}
	images := []string{sparse(t, 100), sparse(t, 60)}
	a, b := attach(t, images[0]), attach(t, images[1])
	name := fmt.Sprintf("molttest%d", os.Getpid())
	shell(t, `export LVM_SUPPRESS_FD_WARNINGS=1
lvm() { command lvm "$@" --config "$quiet" --devices "$devices" >/dev/null; }
quiet=$1 name=$2 devices=$3,$4
lvm pvcreate -qq -y "$3"; lvm pvcreate -qq -y "$4"
lvm vgcreate -qq "$name" "$3" "$4"
lvm lvcreate -qq -y -an -Zn -Wn -n root -L 40M "$name" "$3"
lvm lvcreate -qq -y -an -Zn -Wn -n big-data -L 8M "$name" "$3"
lvm lvextend -qq "$name/big-data" "$4" -L 20M
lvm lvcreate -qq -y -an -Zn -Wn --type striped -i 2 -n str -L 16M "$name"
lvm lvchange -qq --addtag one --addtag two "$name/str"
mkfs.ext4 -q -F -L system -U 6d6f6c74-0000-4000-8000-00000000000a -E offset=1048576 "$3" 40M`, lvmQuiet, name, a, b)
	before := bytes.Join([][]byte{read(t, a), read(t, b)}, nil)
	s := onDevices(t, New(), a, b)
	s.groups(t.Context())
	if len(s.found) != 1 || s.unknown != nil {
		t.Fatalf("found %+v, unknown %q", s.found, s.unknown)
	}
	got := s.found[0]
	dev := "/dev/" + name + "/"
	want := machine.Stack{
		Kind: "vg", Name: name, UUID: got.UUID, Members: []string{a, b}, Size: 152 << 20, Free: 76 << 20, Extent: 4 << 20, Volumes: []machine.Stacked{
			{Name: "big-data", Device: dev + "big-data", Kind: "linear", Size: 20 << 20},
			{Name: "root", Device: dev + "root", Kind: "linear", Size: 40 << 20, FSType: "ext4", Label: "system", UUID: "6d6f6c74-0000-4000-8000-00000000000a"},
			{Name: "str", Device: dev + "str", Kind: "striped", Size: 16 << 20, Tags: []string{"one", "two"}},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	s = onDevices(t, New(), b)
	s.groups(t.Context())
	if len(s.found) != 1 || s.found[0].Missing != 1 || !cmp.Equal(s.found[0].Members, []string{b}) {
		t.Errorf("with a device missing: %+v, unknown %q", s.found, s.unknown)
	}
	if !bytes.Equal(before, bytes.Join([][]byte{read(t, a), read(t, b)}, nil)) {
		t.Error("something was written")
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A btrfs of two devices with subvolumes, which is not mounted.
func TestProbeRealBtrfs(t *testing.T) {
	if _, err := exec.LookPath("mkfs.btrfs"); err != nil {
		t.Skip("btrfs-progs is not installed")
	}
	known, _ := os.ReadFile("/proc/filesystems")
	if !bytes.Contains(known, []byte("\tbtrfs\n")) {
		t.Skip("the kernel has no btrfs, to make subvolumes with")
	}
	a, b := attach(t, sparse(t, 256)), attach(t, sparse(t, 256))
	shell(t, `mkfs.btrfs -q -L pool -d single -m raid1 "$1" "$2"
btrfs device scan "$1" "$2" >/dev/null
mount "$1" "$3"
trap 'umount "$3"; btrfs device scan --forget "$1" "$2" || true' EXIT
btrfs -q subvolume create "$3/root"
btrfs -q subvolume create "$3/my home"
btrfs -q subvolume create "$3/root/inner"`, a, b, t.TempDir())
	s := onDevices(t, New(), a, b)
	s.btrfs(t.Context())
	if len(s.found) != 1 || s.unknown != nil {
		t.Fatalf("found %+v, unknown %q", s.found, s.unknown)
	}
	want := machine.Stack{Kind: "btrfs", Name: "pool", Label: "pool", UUID: s.found[0].UUID, Members: []string{a, b}, Size: 512 << 20, FSType: "btrfs",
		Volumes: []machine.Stacked{{Name: "root", Kind: "subvolume"}, {Name: "my home", Kind: "subvolume"}}}
	if diff := cmp.Diff(want, s.found[0]); diff != "" {
		t.Error(diff)
	}
	s = onDevices(t, New(), b)
	if s.btrfs(t.Context()); s.found[0].Missing != 1 {
		t.Errorf("with a device missing: %+v", s.found)
	}
}

// failing is a machine whose tools don't work.
type failing struct{ calls int }

func (f *failing) Run(context.Context, host.Command) error {
	f.calls++
	return errors.New("lvm: killed")
}

// stackedTree has a mirror that doesn't run, one that does with LUKS on it, which is
// open, and on that a volume group; and a btrfs.
func stackedTree(t *testing.T) string {
	luks := make([]byte, 4096)
	copy(luks, "LUKS\xba\xbe\x00\x02")
	copy(luks[24:], "vault")
	copy(luks[168:], "11111111-2222-3333-4444-555555555555")
	pv := make([]byte, 4096)
	copy(pv[512:], "LABELONE")
	copy(pv[512+24:], "LVM2 001")
	btrfs := make([]byte, 68<<10)
	copy(btrfs[64<<10+64:], "_BHRfS_M")
	copy(btrfs[64<<10+32:], "0123456789abcdef")
	btrfs[64<<10+136] = 3
	mirror := superblock(4<<20, 0, 1, "shed:boot", 1, 2)
	copy(mirror[1<<20:], ext2("boot"))
	files := map[string]string{
		"proc/meminfo": "MemTotal: 1 kB\n", "proc/1/mountinfo": "",
		"dev/sda": string(mirror), "dev/sdb": string(superblock(4<<20, 1, 2, "pv", 0, 2)), "dev/sdc": string(superblock(4<<20, 0, 2, "pv", 0, 2)),
		"dev/sdd": string(btrfs), "dev/md127": string(luks), "dev/mapper/open": string(pv),
		"sys/block/sdb/holders/md127": "", "sys/block/sdc/holders/md127": "",
		"sys/block/md127/size": "12288\n", "sys/block/md127/holders/dm-0": "",
		"sys/block/dm-0/dm/name": "open\n", "sys/block/dm-0/dm/uuid": "CRYPT-LUKS2-11111111222233334444555555555555-open\n", "sys/block/dm-0/size": "12000\n",
	}
	for _, disk := range []string{"sda", "sdb", "sdc", "sdd"} {
		files["sys/block/"+disk+"/size"] = fmt.Sprintln(len(files["dev/"+disk]) / 512)
	}
	return fakeTree(t, files)
}

func TestProbeStacks(t *testing.T) {
	tools := &failing{}
	m, err := Probe(t.Context(), stackedTree(t), tools)
	if err != nil {
		t.Fatal(err)
	}
	want := []machine.Stack{
		{Kind: "raid", Name: "boot", UUID: "01010101:01010101:01010101:01010101", Level: "1", Members: []string{"/dev/sda"}, Missing: 1, Size: 3 << 20,
			FSType: "ext2", Label: "boot"},
		{Kind: "raid", Name: "pv", UUID: "02020202:02020202:02020202:02020202", Level: "0", Members: []string{"/dev/sdb", "/dev/sdc"}, Device: "/dev/md127",
			Size: 6 << 20, FSType: "crypto_LUKS", Label: "vault"},
		{Kind: "luks", Name: "vault", UUID: "11111111-2222-3333-4444-555555555555", Members: []string{"/dev/md127"}, Device: "/dev/mapper/open", Size: 12000 * 512,
			FSType: "LVM2_member"},
		{Kind: "btrfs", UUID: "30313233-3435-3637-3839-616263646566", Members: []string{"/dev/sdd"}, Missing: 2, FSType: "btrfs"},
	}
	if diff := cmp.Diff(want, m.Stacks); diff != "" {
		t.Error(diff)
	}
	unknown := []string{"volume groups on /dev/mapper/open: lvm: killed", "subvolumes on /dev/sdd: lvm: killed"}
	if diff := cmp.Diff(unknown, m.Unknown); diff != "" {
		t.Error(diff)
	}
	if m, err := Probe(t.Context(), stackedTree(t), nil); err != nil || len(m.Unknown) != 2 || !strings.Contains(m.Unknown[0], "without the tools") {
		t.Errorf("without tools: %q, error %v", m.Unknown, err)
	}
}

// A disk that an array went on without is no member of it, and no superblock makes more of a
// device than there is.
func TestProbeStale(t *testing.T) {
	events := func(image []byte, n uint64, used int64) []byte {
		binary.LittleEndian.PutUint64(image[4096+200:], n)
		binary.LittleEndian.PutUint64(image[4096+80:], uint64(used/512))
		return image
	}
	btrfs := make([]byte, 68<<10)
	copy(btrfs[64<<10+64:], "_BHRfS_M")
	copy(btrfs[64<<10+32:], "0123456789abcdef")
	btrfs[64<<10+136], btrfs[64<<10+112+6] = 1, 1 // of 2^48 bytes
	files := map[string]string{
		"proc/meminfo": "MemTotal: 1 kB\n", "proc/1/mountinfo": "",
		"dev/sda": string(events(superblock(4<<20, 0, 1, "a", 1, 3), 100, 1<<50)), "dev/sdb": string(events(superblock(4<<20, 1, 1, "a", 1, 3), 99, 1<<50)),
		"dev/sdc": string(events(superblock(4<<20, 2, 1, "old", 1, 2), 98, 1<<50)), "dev/sdd": string(btrfs),
	}
	for _, disk := range []string{"sda", "sdb", "sdc", "sdd"} {
		files["sys/block/"+disk+"/size"] = fmt.Sprintln(len(files["dev/"+disk]) / 512)
	}
	m, err := Probe(t.Context(), fakeTree(t, files), &failing{})
	if err != nil {
		t.Fatal(err)
	}
	want := []machine.Stack{
		{Kind: "raid", Name: "a", UUID: "01010101:01010101:01010101:01010101", Level: "1", Members: []string{"/dev/sda", "/dev/sdb"}, Missing: 1, Size: 3 << 20},
		{Kind: "btrfs", UUID: "30313233-3435-3637-3839-616263646566", Members: []string{"/dev/sdd"}, FSType: "btrfs", Size: 68 << 10},
	}
	if diff := cmp.Diff(want, m.Stacks); diff != "" {
		t.Error(diff)
	}
}

// No program runs on a machine that has none of all this.
func TestProbeRunsNothing(t *testing.T) {
	tools := &failing{}
	if _, err := Probe(t.Context(), fakeMachine(t), tools); err != nil || tools.calls > 0 {
		t.Errorf("%d calls, error %v", tools.calls, err)
	}
}

// Version 0.90, as words of a little-endian machine.
func TestReadMDOld(t *testing.T) {
	image := make([]byte, 1<<20)
	h, le := image[len(image)-64<<10:], binary.LittleEndian
	for word, v := range map[int]uint32{0: mdMagic, 2: 90, 5: 0x11111111, 13: 0x22222222, 14: 0x33333333, 15: 0x44444444, 7: 1, 8: 960, 10: 2, 11: 3, 39: 5, 992 + 3: 1, 992 + 4: 6} {
		le.PutUint32(h[4*word:], v)
	}
	got, err := readMD(bytes.NewReader(image), int64(len(image)))
	want := mdMember{uuid: "11111111:22222222:33333333:44444444", name: "3", level: 1, disks: 2, role: 1, used: 960 << 10, events: 5}
	if err != nil || got != want {
		t.Errorf("%+v, error %v; want %+v", got, err, want)
	}
	if _, err := readMD(bytes.NewReader(make([]byte, 4096)), 4096); !errors.Is(err, errNoSuperblock) {
		t.Errorf("zeros: %v", err)
	}
	if v := media.ReadVolume(bytes.NewReader(image), int64(len(image))); v.FSType != "linux_raid_member" {
		t.Errorf("it is %q for ReadVolume", v.FSType)
	}
}

func FuzzReadMD(f *testing.F) {
	f.Add(superblock(16<<10, 0, 1, "x", 5, 3))
	f.Fuzz(func(t *testing.T, image []byte) {
		m, err := readMD(bytes.NewReader(image), int64(len(image)))
		if err == nil && (m.used < 0 || m.data < 0 || m.data+m.used > int64(len(image)) || m.size(m.used) < 0 && m.disks >= 2) {
			t.Errorf("%+v, a device of %d bytes", m, len(image))
		}
	})
}
