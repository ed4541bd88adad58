package machine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const examples = "../../examples/machines"

func load(t *testing.T, name string) Machine {
	t.Helper()
	m, err := Load(filepath.Join(examples, name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The recorded machines are as Save writes them, and possible.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(examples, "*.json"))
	if err != nil || len(files) < 10 {
		t.Fatalf("examples: %q, %v", files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			m, err := Load(file)
			if err != nil {
				t.Fatal(err)
			}
			again := filepath.Join(t.TempDir(), "m.json")
			if err := m.Save(again); err != nil {
				t.Fatal(err)
			}
			want, _ := os.ReadFile(again)
			got, _ := os.ReadFile(file)
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Error(diff)
			}
			for _, d := range m.Disks {
				possible(t, d)
			}
			for _, s := range m.Stacks {
				stackPossible(t, m, s)
			}
		})
	}
}

// possible checks that a disk's partitions lie on it, whole sectors, apart from each
// other, logical ones in the extended one, and that their names differ.
func possible(t *testing.T, d Disk) {
	t.Helper()
	extended, seen := Part{}, map[string]bool{}
	for _, p := range d.Parts {
		if p.Use() == "extended" {
			extended = p
		}
	}
	for i, p := range d.Parts {
		if p.Start < 0 || p.Size <= 0 || p.Start+p.Size > d.Size || p.Start%int64(d.Sector) != 0 || p.Size%int64(d.Sector) != 0 {
			t.Errorf("%s doesn't lie on its disk: %d bytes from %d", p.Path, p.Size, p.Start)
		}
		if seen[p.PartUUID] || p.PartUUID == "" || d.TableID == "" {
			t.Errorf("%s: PARTUUID %q", p.Path, p.PartUUID)
		}
		seen[p.PartUUID] = true
		logical := d.Table == "dos" && p.Number > 4
		if logical && (p.Start < extended.Start || p.Start+p.Size > extended.Start+extended.Size) {
			t.Errorf("%s lies outside of %s", p.Path, extended.Path)
		}
		for _, q := range d.Parts[i+1:] {
			if overlap(p, q) && d.FSType != "iso9660" && p.Number != extended.Number {
				t.Errorf("%s and %s overlap", p.Path, q.Path)
			}
		}
	}
}

func overlap(p, q Part) bool { return p.Start < q.Start+q.Size && q.Start < p.Start+p.Size }

// stackPossible checks that a stack's members are there, and marked as such.
func stackPossible(t *testing.T, m Machine, s Stack) {
	t.Helper()
	kinds := map[string]string{"vg": "LVM2_member", "raid": "linux_raid_member", "luks": "crypto_LUKS", "btrfs": "btrfs"}
	for _, member := range s.Members {
		found := false
		for _, d := range m.Devices() {
			found = found || d.Path == member && d.FSType == kinds[s.Kind]
		}
		if !found {
			t.Errorf("%s %s: no %s at %s", s.Kind, s.Name, kinds[s.Kind], member)
		}
	}
	if len(s.Members) == 0 || s.Free > s.Size {
		t.Errorf("%s %s: %d members, %d of %d bytes free", s.Kind, s.Name, len(s.Members), s.Free, s.Size)
	}
}

func TestFind(t *testing.T) {
	m := load(t, "two-disks")
	tests := []struct {
		spec string
		want string // paths, or the error's words after "!"
	}{
		{"sda", "/dev/sda"},
		{"/dev/sda", "/dev/sda"},
		{"disk/by-id/wwn-0x5002538d40a1b2c3", "/dev/sdb"},
		{"/dev/disk/by-id/wwn-0x5002538d40a1b2c3", "/dev/sdb"},
		{"disk/by-id/wwn-0x5002*", "/dev/sdb"},
		{"sd[bz]", "/dev/sdb"},
		{"vda|sdb", "/dev/sdb"},
		{"LABEL=srv", "/dev/sda"},
		{"LABEL=DEBIAN_13_D1", "/dev/sdc"},
		{"UUID=6A1C9D3E-14f2-4cc5-8a9a-3f6c1d9b7e22", "/dev/sda"},
		{"vda", `!no disk "vda"; this machine has sda, sdb, sdc`},
		{"sd*", `!more than one disk: sda, sdb, sdc`},
		{"sda1", "!no disk"},
		{"", "!no disk"},
		{"LABEL=", "!no disk"},
		{"UUID=", "!no disk"},
		{"sd[", "!no disk"},
	}
	for _, tt := range tests {
		d, err := m.Find(tt.spec)
		if words, fails := strings.CutPrefix(tt.want, "!"); fails {
			if err == nil || !strings.Contains(err.Error(), words) {
				t.Errorf("%q: %s, error %v; want %q", tt.spec, d.Path, err, words)
			}
		} else if err != nil || d.Path != tt.want {
			t.Errorf("%q: %s, error %v; want %s", tt.spec, d.Path, err, tt.want)
		}
	}
	if _, err := (Machine{}).Find("sda"); err == nil || !strings.Contains(err.Error(), "has none") {
		t.Errorf("without disks: %v", err)
	}
}

func TestWords(t *testing.T) {
	tests := []struct{ machine, disk, describe, contents string }{
		{"bios-virtio", "vda", "vda: 20 GiB (virtio)", "empty"},
		{"uefi-nvme", "nvme0n1", "nvme0n1: 476.9 GiB, SAMSUNG MZVLB512HBJQ-000L7 (nvme)",
			`4 partitions: EFI system (vfat "SYSTEM", 260 MiB), Microsoft reserved (16 MiB), ` +
				`Windows (ntfs "Windows", 475.7 GiB), Windows recovery (ntfs "WinRE_DRV", 999 MiB)`},
		{"two-disks", "sda", "sda: 1.8 TiB, ST2000DM008-2FR1 (sata)",
			`4 partitions: Linux (ext2 "boot", 976 MiB), extended (1.8 TiB), swap (swap, 4 GiB), Linux (xfs "srv", 1.8 TiB)`},
		{"two-disks", "sdb", "sdb: 238.5 GiB, Samsung SSD 850 (sata)", "empty"},
		{"two-disks", "sdc", "sdc: 14.5 GiB, SanDisk Ultra Fit (usb, removable)",
			`2 partitions: unknown (iso9660 "DEBIAN_13_D1", 652 MiB), EFI system (vfat, 2.8 MiB)`},
	}
	for _, tt := range tests {
		d, err := load(t, tt.machine).Find(tt.disk)
		if err != nil {
			t.Fatal(err)
		}
		if got := d.Describe(); got != tt.describe {
			t.Errorf("Describe: %q, want %q", got, tt.describe)
		}
		if got := d.Contents(); got != tt.contents {
			t.Errorf("Contents:\n%s, want\n%s", got, tt.contents)
		}
	}
	for want, d := range map[string]Disk{
		`ext4 file system "data"`:              {FSType: "ext4", Label: "data"},
		"encrypted volume (LUKS)":              {FSType: "crypto_LUKS"},
		"no partitions":                        {Table: "gpt"},
		"1 partition: Linux (1 GiB)":           {Parts: []Part{{Type: "0x83", Size: 1 << 30}}},
		`1 partition: Windows (ntfs, 512 MiB)`: {Parts: []Part{{Type: "0x7", FSType: "ntfs", Size: 1 << 29}}},
		`1 partition: data (ext4, 512 MiB)`:    {Parts: []Part{{Type: "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7", FSType: "ext4", Size: 1 << 29}}},
	} {
		if got := d.Contents(); got != want {
			t.Errorf("Contents: %q, want %q", got, want)
		}
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1 KiB", 1536: "1.5 KiB", 1<<20 - 1: "1 MiB", 20 << 30: "20 GiB",
		2000398934016: "1.8 TiB", 1<<63 - 1: "8 EiB", -2048: "-2 KiB",
	} {
		if got := Size(n); got != want {
			t.Errorf("Size(%d) is %q, want %q", n, got, want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, in := range []string{"", "{", `{"firmwear":"bios"}`} {
		if _, err := Parse([]byte(in)); err == nil {
			t.Errorf("%q: no error", in)
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("no error for a file that isn't there")
	}
}
