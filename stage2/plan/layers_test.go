package plan

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/host"
	"github.com/molt-installer/molt/stage2/host/hosttest"
	"github.com/molt-installer/molt/stage2/machine"
)

const passphrase = "correct horse battery staple"

// stack is LUKS on LVM on RAID, with a pool and a cache, and a btrfs beside.
func stack() []Layer {
	return []Layer{
		{Kind: LayerRAID, Name: "data", Device: "/dev/md/data", On: []string{"/dev/vda2", "/dev/vdb2", "/dev/vdc2"}, Level: "1", Spares: 1, Metadata: "1.2", UUID: "a:b:c:d", ChunkKiB: 64},
		{Kind: LayerGroup, Name: "vg0", On: []string{"/dev/md/data", "/dev/vdc3"}, ExtentKiB: 4096},
		{Kind: LayerPool, Name: "pool", Group: "vg0", Device: "/dev/vg0/pool", Size: 1 << 30, MetadataMiB: 8, ChunkKiB: 64},
		{Kind: LayerLV, Name: "root", Group: "vg0", Pool: "pool", Device: "/dev/vg0/root", Size: 2 << 30},
		{Kind: LayerLV, Name: "var", Group: "vg0", Device: "/dev/vg0/var", Size: 1 << 29, CacheMiB: 64, CachePVs: []string{"/dev/vdc3"}, CacheMode: "writeback"},
		{Kind: LayerLUKS, Name: "luks-U", Device: "/dev/mapper/luks-U", On: []string{"/dev/vg0/root"}, UUID: "U",
			LUKS: &config.LUKS{Passphrase: passphrase, Cipher: "aes-xts-plain64", PBKDF: "argon2id", PBKDFMemory: 65536, PBKDFTime: 500}},
		{Kind: LayerBtrfs, Name: "b", Device: "/dev/vda3", On: []string{"/dev/vda3", "/dev/vdb3"}, UUID: "B", Label: "b", Data: "raid1", Metadata: "raid1c3", MkfsOptions: "-n 32k"},
	}
}

func stackSteps(layers []Layer) []Step {
	var steps []Step
	for _, l := range layers {
		steps = append(steps, layerStep(disks{{"/dev/vda", 7}}, l, layers))
	}
	return append(steps, subvolumes{base{"subvolumes", "", 1}, "/dev/vda3", []string{"root", "var/log"}})
}

// shortly leaves out of a call what all calls of lvm have.
func shortly(calls []string) string {
	text := strings.Join(calls, "\n") + "\n"
	common := host.LVM([]string{"/dev/md/data", "/dev/vdc3"}, "")[2:]
	return strings.ReplaceAll(text, strings.Join(common, " ")+" ", "")
}

func TestLayerCalls(t *testing.T) {
	w := newWorld()
	w.AddFile("/sys/block/vda/diskseq", "7\n")
	w.Answer(hosttest.Reply{Stdout: "  other\n  var\n"}, "lvm", "lvs")
	steps := stackSteps(stack())
	for _, s := range steps {
		if err := s.Run(t.Context(), w.env); err != nil {
			t.Fatal(err)
		}
	}
	for i := range steps {
		if u, ok := steps[len(steps)-1-i].(Undoer); ok {
			if err := u.Undo(t.Context(), w.env); err != nil {
				t.Fatal(err)
			}
		}
	}
	got := strings.ReplaceAll(shortly(w.Calls()), "read /sys/block/vda/diskseq\n", "")
	want := `run in /proc/1/root: /sbin/modprobe -q -- md-mod
release /dev/vda2
release /dev/vdb2
release /dev/vdc2
wipe /dev/vda2
wipe /dev/vdb2
wipe /dev/vdc2
run mdadm --create /dev/md/data --run --level 1 --metadata 1.2 --uuid a:b:c:d --name data --homehost any --raid-devices 2 --spare-devices 1 --bitmap internal /dev/vda2 /dev/vdb2 /dev/vdc2
wipe /dev/md/data
release /dev/md/data
release /dev/vdc3
wipe /dev/md/data
wipe /dev/vdc3
run lvm pvcreate -ff /dev/md/data /dev/vdc3
run lvm vgcreate --physicalextentsize 4096k vg0 /dev/md/data /dev/vdc3
run lvm lvs --noheadings --options lv_name vg0
run in /proc/1/root: /sbin/modprobe -q -- dm-thin-pool
run lvm lvcreate --type thin-pool --size 1073741824b --poolmetadatasize 8m --chunksize 64k --name pool vg0
run lvm lvs --noheadings --options lv_name vg0
run lvm lvcreate --type thin --virtualsize 2147483648b --thinpool pool --name root vg0
run lvm lvs --noheadings --options lv_name vg0
run lvm lvremove --force vg0/var
run in /proc/1/root: /sbin/modprobe -q -- dm-cache-smq
run lvm lvcreate --type linear --size 536870912b --wipesignatures y --zero y --name var vg0 /dev/md/data
run lvm lvcreate --type cache-pool --size 64m --name var_cache vg0 /dev/vdc3
run lvm lvconvert --type cache --cachepool vg0/var_cache --cachemode writeback vg0/var
release /dev/vg0/root
wipe /dev/vg0/root
run cryptsetup luksFormat --batch-mode --key-file=- --type luks2 --uuid U --cipher aes-xts-plain64 --pbkdf argon2id --pbkdf-memory 65536 --iter-time 500 /dev/vg0/root
run cryptsetup open --type luks --key-file=- /dev/vg0/root luks-U
run in /proc/1/root: /sbin/modprobe -q -- btrfs
release /dev/vda3
release /dev/vdb3
wipe /dev/vda3
wipe /dev/vdb3
run mkfs.btrfs --force --quiet --uuid B --label b --data raid1 --metadata raid1c3 -n 32k /dev/vda3 /dev/vdb3
run btrfs device scan /dev/vda3 /dev/vdb3
unmount /run/molt/btrfs
mount /dev/vda3 on /run/molt/btrfs type btrfs options subvolid=5
stat /run/molt/btrfs/root
mkdir /run/molt/btrfs mode 0755
run btrfs subvolume create /run/molt/btrfs/root
stat /run/molt/btrfs/var/log
mkdir /run/molt/btrfs/var mode 0755
run btrfs subvolume create /run/molt/btrfs/var/log
unmount /run/molt/btrfs
release /dev/vda3
release /dev/vdb3
release /dev/vg0/root
release /dev/md/data
release /dev/vdc3
release /dev/vda2
release /dev/vdb2
release /dev/vdc2
`
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if strings.Contains(fmt.Sprintf("%v %+v %#v", steps, steps, steps)+got, passphrase) {
		t.Error("the passphrase shows")
	}
}

// TestLayersInUse: what the installer runs from stays until stage 1 ends it.
func TestLayersInUse(t *testing.T) {
	w := newWorld()
	w.env.Result.Target, w.env.Result.Remove = Target, []string{".molt"}
	for _, s := range stackSteps(stack()) {
		if u, ok := s.(Undoer); ok {
			if err := u.Undo(t.Context(), w.env); err != nil || len(w.Calls()) > 0 {
				t.Errorf("%s: %v, %v", s.ID(), err, w.Calls())
			}
		}
	}
}

// TestLayersAgain: whatever call fails, the step run again succeeds, and no error has the passphrase.
func TestLayersAgain(t *testing.T) {
	for _, existing := range []bool{false, true} {
		layers := stack()
		for i := range layers {
			layers[i].Existing = existing
		}
		for _, s := range stackSteps(layers) {
			for k := 1; ; k++ {
				w := newWorld()
				w.AddFile("/sys/block/vda/diskseq", "7\n")
				w.FailAt(k, errors.New("broken"))
				err := s.Run(t.Context(), w.env)
				if err != nil && strings.Contains(err.Error(), passphrase) {
					t.Errorf("%s: %v", s.ID(), err)
				}
				if err != nil {
					err = s.Run(t.Context(), w.env)
				}
				if err != nil {
					t.Errorf("%s, call %d: %v", s.ID(), k, err)
				}
				if len(w.Calls()) < k {
					break
				}
			}
		}
	}
}

// TestExistingLayers are opened, and nothing of them is erased.
func TestExistingLayers(t *testing.T) {
	w := newWorld()
	w.AddFile("/sys/block/vda/diskseq", "7\n")
	layers := stack()
	for i := range layers {
		layers[i].Existing = true
	}
	for _, s := range stackSteps(layers[:len(layers)]) {
		if err := s.Run(t.Context(), w.env); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range w.Calls() {
		for _, word := range []string{"wipe", "create /dev", "luksFormat", "pvcreate", "vgcreate", "lvcreate", "mkfs"} {
			if strings.Contains(c, word) {
				t.Errorf("an existing layer is written: %s", c)
			}
		}
	}
	want := []string{
		"run mdadm --assemble --run --uuid a:b:c:d /dev/md/data /dev/vda2 /dev/vdb2 /dev/vdc2",
		"run lvm vgchange --activate y vg0",
		"run cryptsetup open --type luks --key-file=- /dev/vg0/root luks-U",
		"run btrfs device scan /dev/vda3 /dev/vdb3",
	}
	for _, line := range want {
		if !strings.Contains(shortly(w.Calls()), line+"\n") {
			t.Errorf("%s is missing in\n%s", line, shortly(w.Calls()))
		}
	}
}

// TestStop erases members when all is ended; one that was on another stack is gone by then.
func TestStop(t *testing.T) {
	w := newWorld()
	w.AddFile("/dev/vda2", "")
	w.AddFile("/dev/vdb2", "")
	s := stop{stacks: []machine.Stack{
		{Kind: "vg", Name: "vg0", Members: []string{"/dev/md127"}},
		{Kind: "raid", Name: "data", Device: "/dev/md127", Members: []string{"/dev/vda2", "/dev/vdb2"}},
	}}
	if err := s.Run(t.Context(), w.env); err != nil {
		t.Fatal(err)
	}
	want := []string{"release /dev/md127", "release /dev/vda2", "release /dev/vdb2", "stat /dev/md127",
		"stat /dev/vda2", "wipe /dev/vda2", "stat /dev/vdb2", "wipe /dev/vdb2"}
	if d := cmp.Diff(want, w.Calls()); d != "" {
		t.Error(d)
	}
	w.FailOn("release /dev/vda2", 1, &host.BusyError{Path: "/dev/dm-3", Holders: []string{"mounted on /mnt"}})
	if err := s.Run(t.Context(), w.env); err == nil || !strings.Contains(err.Error(), "mounted on /mnt") {
		t.Errorf("in use: %v", err)
	}
}

// TestRepartition: a table that stays is edited, and only what is new on it is erased.
func TestRepartition(t *testing.T) {
	d := Disk{Path: "/dev/vda", Table: "dos", Kept: true,
		Lost: []machine.Part{{Path: "/dev/vda2", Number: 2, Start: 10, Size: 5, Type: "0x83"}},
		Parts: []Volume{
			{Device: "/dev/vda1", Number: 1, Start: 1, Size: 4, Existing: true, NoFormat: true, Type: "0x7"},
			{Device: "/dev/vda2", Number: 2, Start: 10, Size: 9, Type: "0x5"},
			{Device: "/dev/vda5", Number: 5, Start: 11, Size: 8, Mount: "/", Type: "0x83"},
			{Device: "/dev/vda3", Number: 3, Start: 30, Size: 8, Was: 9, Existing: true, NoFormat: true, Type: "0x83"},
		}}
	w := newWorld()
	if err := partitionStep(d).Run(t.Context(), w.env); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"edit-table /dev/vda: delete 2, resize 3, add 2 5", "wipe /dev/vda5"}, w.Calls()); diff != "" {
		t.Error(diff)
	}
	if s := partitionStep(Disk{Path: "/dev/vdb", Table: "gpt", Kept: true, Parts: d.Parts[:1]}); s != nil {
		t.Errorf("a table that stays as it is gets the step %v", s)
	}
}

func TestStorageTables(t *testing.T) {
	p := &Plan{Layers: stack(), Volumes: []Volume{
		{Device: "/dev/mapper/luks-U", Mount: "/", FSType: "ext4", UUID: "R"}, {Device: "/dev/vda3", Mount: "/home", FSType: "btrfs", UUID: "B", Subvolume: "home"},
	}}
	p.Layers = append(p.Layers, Layer{Kind: LayerLUKS, Name: "luks-V", Device: "/dev/mapper/luks-V", On: []string{"/dev/vda9"}, UUID: "V"})
	files := p.storageTables()
	for name, want := range map[string]string{
		"crypttab":         "luks-U UUID=U none luks,discard,initramfs\nluks-V UUID=V none luks,discard,initramfs\n",
		"mdadm/mdadm.conf": "ARRAY /dev/md/data UUID=a:b:c:d\n",
		"fstab":            "UUID=B /home btrfs subvol=home 0 0\n",
	} {
		if !strings.Contains(files[name], want) {
			t.Errorf("%s is\n%s", name, files[name])
		}
	}
	_, on := p.below("/dev/mapper/luks-U", p.Layers)
	if d := cmp.Diff([]string{"/dev/vda2", "/dev/vdb2", "/dev/vdc2", "/dev/vdc3"}, on); d != "" {
		t.Error(d)
	}
}

// TestTablesReplaced: what the packages put in the place of a table is put right, and the
// initramfs made after it.
func TestTablesReplaced(t *testing.T) {
	files := map[string]string{"fstab": "f\n", "crypttab": "c\n"}
	for name, tt := range map[string]struct {
		replaced string
		made     int
	}{"nothing": {"", 0}, "fstab": {"fstab", 0}, "crypttab": {"crypttab", 1}} {
		w := newWorld()
		w.AddFile("/target/usr/sbin/update-initramfs", "")
		s := tables{base{"fstab", "", 1}, files}
		if err := s.Run(t.Context(), w.env); err != nil {
			t.Fatal(err)
		}
		if tt.replaced != "" {
			w.AddFile("/target/etc/"+tt.replaced, "the package's\n")
		}
		if err := (retable{s}).Run(t.Context(), w.env); err != nil {
			t.Fatal(err)
		}
		for f, want := range files {
			if got, _ := w.File("/target/etc/" + f); got != want {
				t.Errorf("%s: %s is %q", name, f, got)
			}
		}
		if n := len(w.Called("run in /target: update-initramfs")); n != tt.made {
			t.Errorf("%s: the initramfs is made %d times", name, n)
		}
	}
}

// TestKeptWhole: a disk whose whole is kept, or opened, is not erased.
func TestKeptWhole(t *testing.T) {
	d := Disk{Path: "/dev/sdb", Size: 1 << 30, Kept: true, Parts: []Volume{{Device: "/dev/sdb", Mount: "/srv", FSType: "ext4", Existing: true, NoFormat: true}}}
	if s := partitionStep(d); s != nil {
		t.Errorf("a step %q", s.Title())
	}
}
