package linuxhost

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/stage2/machine"
)

// fakeTree makes a root directory. A content of "→x" is a symbolic link to x.
func fakeTree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		target, link := strings.CutPrefix(content, "→")
		err := error(nil)
		if link {
			err = os.Symlink(target, path)
		} else {
			err = os.WriteFile(path, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// sfdiskImage is a disk of so many MiB with a table made by sfdisk.
func sfdiskImage(t *testing.T, mib int64, script string) string {
	t.Helper()
	if _, err := exec.LookPath("sfdisk"); err != nil {
		t.Skip("sfdisk is not installed")
	}
	path := filepath.Join(t.TempDir(), "disk.img")
	write(t, path, nil, 0o600)
	if err := os.Truncate(path, mib<<20); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sfdisk", "--quiet", path)
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("sfdisk: %v\n%s", err, out)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

const (
	esp  = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
	data = "0fc63daf-8483-4772-8e79-3d69d8477de4"

	diskID = "6d6f6c74-0000-4000-8000-000000000001"
	partID = "6d6f6c74-0000-4000-8000-000000000002"
)

func ext2(label string) string {
	b := make([]byte, 4096)
	copy(b[1024+56:], "\x53\xef")
	copy(b[1024+120:], label)
	return string(b)
}

func fakeMachine(t *testing.T) string {
	return fakeTree(t, map[string]string{
		"proc/meminfo":                                                      "MemTotal:        2097152 kB\nMemFree: 1 kB\n",
		"proc/1/mountinfo":                                                  "30 1 254:17 / /molt/my\\040medium ro - ext2 /dev/vdb1 ro\n31 1 0:40 / /b rw - btrfs /dev/vdc rw\nshort\n",
		"proc/swaps":                                                        "Filename Type Size Used Priority\n/dev/vde partition 1 0 -2\n",
		"sys/firmware/efi/x":                                                "",
		"sys/devices/system/cpu/online":                                     "0-2,5\n",
		"sys/class/dmi/id/sys_vendor":                                       "QEMU\n",
		"sys/class/dmi/id/product_name":                                     "Standard PC\n",
		"sys/class/net/lo/address":                                          "00:00:00:00:00:00\n",
		"sys/class/net/eth0/address":                                        "52:54:00:12:34:56\n",
		"sys/class/net/eth0/carrier":                                        "1\n",
		"sys/class/net/eth0/operstate":                                      "up\n",
		"sys/class/net/eth0/speed":                                          "1000\n",
		"sys/class/net/eth0/device/driver":                                  "→../../../../bus/virtio/drivers/virtio_net",
		"sys/class/net/wlan0/address":                                       "52:54:00:12:34:57\n",
		"sys/class/net/wlan0/operstate":                                     "down\n",
		"sys/class/net/wlan0/speed":                                         "-1\n",
		"sys/class/net/wlan0/phy80211/name":                                 "phy0\n",
		"sys/class/net/wlan0/device/uevent":                                 "DRIVER=iwlwifi\n",
		"sys/block/sr0/device/vendor":                                       "QEMU    \n",
		"sys/block/sr0/device/model":                                        "QEMU DVD-ROM    \n",
		"sys/block/vda":                                                     "→../devices/pci0000:00/virtio1/block/vda",
		"sys/devices/pci0000:00/virtio1/block/vda/size":                     "32768\n",
		"sys/devices/pci0000:00/virtio1/block/vda/serial":                   "my disk\n",
		"sys/devices/pci0000:00/virtio1/block/vda/diskseq":                  "9\n",
		"sys/devices/pci0000:00/virtio1/block/vda/queue/logical_block_size": "512\n",
		"sys/devices/pci0000:00/virtio1/block/vda/vda1/partition":           "1\n",
		"sys/devices/pci0000:00/virtio1/block/vda/vda1/start":               "2048\n",
		"sys/devices/pci0000:00/virtio1/block/vda/vda1/size":                "8192\n",
		"sys/devices/pci0000:00/virtio1/block/vda/vda2/partition":           "2\n",
		"sys/devices/pci0000:00/virtio1/block/vda/vda2/start":               "10240\n",
		"sys/devices/pci0000:00/virtio1/block/vda/vda2/size":                "8\n",
		"sys/block/vdb/size":                                                "8\n",
		"sys/block/vdb/removable":                                           "1\n",
		"sys/block/vdb/ro":                                                  "1\n",
		"sys/block/vdb/vdb1/partition":                                      "1\n",
		"sys/block/vdb/vdb1/dev":                                            "254:17\n",
		"sys/block/vdb/vdb1/size":                                           "8\n",
		"sys/block/vdc/size":                                                "8\n",
		"sys/block/vdd/size":                                                "8\n",
		"sys/block/vdd/holders/dm-0":                                        "",
		"sys/block/dm-0/dm/uuid":                                            "mpath-3600\n",
		"sys/block/vde/size":                                                "8\n",
		"sys/block/vdf/size":                                                "8\n", // without a device node
		"sys/block/loop0/size":                                              "8\n",
		"sys/block/dm-0/size":                                               "8\n",
		"sys/block/mmcblk0boot0/size":                                       "8\n",
		"sys/block/nvme0c0n1/size":                                          "8\n",
		"sys/block/nvme0c0n1/hidden":                                        "1\n",
		"sys/block/sdz/size":                                                "0\n",
		"dev/vda":                                                           sfdiskImage(t, 16, "label: gpt\nlabel-id: "+diskID+"\nsize=8192, type="+esp+", name=\"EFI é\", uuid="+partID+"\nsize=8, type="+data+", attrs=\"RequiredPartition GUID:63\", uuid="+esp+"\n"),
		"dev/vda1":                                                          ext2("one"),
		"dev/vda2":                                                          ext2("two"),
		"dev/vdb":                                                           strings.Repeat("\x00", 4096),
		"dev/vdb1":                                                          ext2("medium"),
		"dev/vdc":                                                           ext2("b"),
		"dev/vdd":                                                           strings.Repeat("\x00", 4096),
		"dev/vde":                                                           strings.Repeat("\x00", 4096),
	})
}

func TestProbe(t *testing.T) {
	got, err := Probe(t.Context(), fakeMachine(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := machine.Machine{
		Firmware: machine.UEFI, Arch: got.Arch, Memory: 2 << 30, CPUs: 4, Product: "QEMU Standard PC",
		Drives: []machine.Drive{{Path: "/dev/sr0", Model: "QEMU DVD-ROM"}},
		NICs: []machine.Interface{
			{Name: "eth0", MAC: "52:54:00:12:34:56", Driver: "virtio_net", Carrier: true, State: "up", Speed: 1000},
			{Name: "wlan0", MAC: "52:54:00:12:34:57", State: "down", Wireless: true},
		},
		Unknown: []string{"/dev/vdf: no such file or directory"},
		Disks: []machine.Disk{
			{Path: "/dev/vda", Links: []string{"/dev/disk/by-diskseq/9", "/dev/disk/by-id/virtio-my_disk"}, Seq: 9, Size: 16 << 20, Sector: 512, Serial: "my disk",
				Transport: "virtio", Table: "gpt", TableID: diskID, Parts: []machine.Part{
					{Path: "/dev/vda1", Number: 1, Start: 1 << 20, Size: 4 << 20, Type: esp, PartUUID: partID, Name: "EFI é", FSType: "ext2", Label: "one"},
					{Path: "/dev/vda2", Number: 2, Start: 5 << 20, Size: 4096, Type: data, PartUUID: esp, Attributes: 1<<63 | 1, FSType: "ext2", Label: "two"},
				}},
			{Path: "/dev/vdb", Size: 4096, Sector: 512, Removable: true, ReadOnly: true, InUse: "mounted on /molt/my medium",
				Parts: []machine.Part{{Path: "/dev/vdb1", Number: 1, Size: 4096, FSType: "ext2", Label: "medium"}}},
			{Path: "/dev/vdc", Size: 4096, Sector: 512, InUse: "mounted on /b", FSType: "ext2", Label: "b"},
			{Path: "/dev/vdd", Size: 4096, Sector: 512, InUse: "used by dm-0"},
			{Path: "/dev/vde", Size: 4096, Sector: 512, InUse: "in use as swap"},
			{Path: "/dev/vdf", Size: 4096, Sector: 512, InUse: "can't be read: no such file or directory"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestProbeHolders: what an earlier system or try made of a disk keeps nobody from using it anew,
// unless it is in use itself.
func TestProbeHolders(t *testing.T) {
	root := fakeTree(t, map[string]string{
		"proc/meminfo": "MemTotal: 1 kB\n", "proc/1/mountinfo": "1 1 254:1 / /mnt rw - ext4 /dev/vg0/root rw\n2 1 0:45 / /srv rw - btrfs /dev/mapper/vg0-srv rw\n3 1 259:3 / /p rw - ext4 /dev/md126p1 rw\n",
		"sys/block/sda/size": "8\n", "dev/sda": strings.Repeat("\x00", 4096), "sys/block/sda/holders/md127": "", "sys/block/md127/md/level": "raid1\n", "sys/block/md127/holders/dm-0": "",
		"sys/block/dm-0/dm/uuid": "CRYPT-LUKS2-x\n", "sys/block/dm-0/dev": "254:0\n",
		"sys/block/sdb/size": "8\n", "dev/sdb": "", "sys/block/sdb/holders/dm-1": "", "sys/block/dm-1/dm/uuid": "LVM-x\n", "sys/block/dm-1/dev": "254:1\n",
		"sys/block/sdc/size": "8\n", "dev/sdc": "", "sys/block/sdc/holders/dm-2": "", "sys/block/dm-2/dm/uuid": "LVM-y\n", "sys/block/dm-2/dm/name": "vg0-srv\n", "sys/block/dm-2/dev": "254:2\n",
		"sys/block/sdd/size": "8\n", "dev/sdd": "", "sys/block/sdd/holders/md126": "", "sys/block/md126/md/level": "raid1\n", "sys/block/md126/md126p1/partition": "1\n", "sys/block/md126/md126p1/dev": "259:3\n",
	})
	m, err := Probe(t.Context(), root, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"", "used by dm-1, which is mounted on /mnt", "used by dm-2, which is mounted on /srv", "used by md126, which is mounted on /p"} {
		if got := m.Disks[i].InUse; got != want {
			t.Errorf("%s: %q, want %q", m.Disks[i].Path, got, want)
		}
	}
}

func TestProbeLinks(t *testing.T) {
	root := fakeTree(t, map[string]string{
		"proc/meminfo": "MemTotal: 1 kB\n", "proc/1/mountinfo": "", "sys/block/sda/size": "8\n", "sys/block/sdb/size": "8\n",
		"sys/block/sda/wwid": "naa.5000\n", "dev/disk/by-id/ata-x": "→../../sda", "dev/disk/by-path/pci-0": "→../../sda", "dev/sda": "",
	})
	m, err := Probe(t.Context(), root, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"/dev/disk/by-id/ata-x", "/dev/disk/by-path/pci-0"}, m.Disks[0].Links); diff != "" {
		t.Error(diff)
	}
	if m.Disks[1].Links != nil {
		t.Errorf("links of another disk: %q", m.Disks[1].Links)
	}
}

// Names that udev would give are worked out where none runs.
func TestProbeLinksWithoutUdev(t *testing.T) {
	swapped := func(s string, n int) string {
		b := []byte(s + strings.Repeat(" ", n-len(s)))
		for i := 0; i < n; i += 2 {
			b[i], b[i+1] = b[i+1], b[i]
		}
		return string(b)
	}
	identify := make([]byte, 60+512)
	copy(identify[60+2*27:], swapped("Samsung SSD 850 EVO 250GB", 40))
	copy(identify[60+2*10:], swapped("  S21NNXAG123456", 20))
	tests := []struct {
		name, way string
		files     map[string]string // below the disk's directory; a path with / at the start is below the root
		model     string
		want      []string
	}{
		{"vda", "pci0000:00/0000:00:05.0/virtio2/block/vda", map[string]string{"serial": "data 1", "diskseq": "3"}, "",
			[]string{"by-diskseq/3", "by-id/virtio-data_1", "by-path/pci-0000:00:05.0", "by-path/virtio-pci-0000:00:05.0"}},
		{"nvme0n1", "pci0000:00/0000:00:1d.0/0000:03:00.0/nvme/nvme0/nvme0n1",
			map[string]string{"nsid": "1", "wwid": "eui.0025388b71b2c3d4", "device/model": "SAMSUNG MZVLB512HBJQ-000L7", "device/serial": "S4EN/1"}, "SAMSUNG MZVLB512HBJQ-000L7",
			[]string{"by-id/nvme-SAMSUNG_MZVLB512HBJQ-000L7_S4EN_1", "by-id/nvme-eui.0025388b71b2c3d4", "by-path/pci-0000:03:00.0-nvme-1"}},
		{"sda", "pci0000:00/0000:00:17.0/ata3/host2/target2:0:0/2:0:0:0/block/sda",
			map[string]string{"device/model": "Samsung SSD 850", "device/wwid": "naa.5002538d40a1b2c3", "device/vpd_pg89": string(identify), "/sys/class/ata_port/ata3/port_no": "1"},
			"Samsung SSD 850 EVO 250GB",
			[]string{"by-id/ata-Samsung_SSD_850_EVO_250GB_S21NNXAG123456", "by-id/wwn-0x5002538d40a1b2c3", "by-path/pci-0000:00:17.0-ata-1.0", "by-path/pci-0000:00:17.0-ata-1"}},
		{"sda", "pci0000:00/0000:00:06.0/virtio3/host7/target7:0:2/7:0:2:1/block/sda",
			map[string]string{"device/wwid": "naa.5000c500a7b1c2d3", "/sys/devices/pci0000:00/0000:00:06.0/virtio3/host6/x": ""}, "",
			[]string{"by-id/scsi-35000c500a7b1c2d3", "by-id/wwn-0x5000c500a7b1c2d3", "by-path/pci-0000:00:06.0-scsi-1:0:2:1"}},
		{"sdb", "pci0000:00/0000:00:14.0/usb1/1-1/1-1.2/1-1.2:1.0/host4/target4:0:0/4:0:0:0/block/sdb", nil, "",
			[]string{"by-path/pci-0000:00:14.0-usb-0:1.2:1.0-scsi-0:0:0:0"}},
		{"mmcblk0", "platform/fe340000.mmc/mmc_host/mmc0/mmc0:aaaa/block/mmcblk0", map[string]string{"device/name": "SC64G", "device/serial": "0x1b2c3d4e"}, "SC64G",
			[]string{"by-id/mmc-SC64G_0x1b2c3d4e"}},
		{"sdc", "pci0000:00/0000:00:01.0/host0/port-0:0/end_device-0:0/target0:0:0/0:0:0:0/block/sdc", nil, "", nil},
	}
	for _, tt := range tests {
		dir := "sys/devices/" + tt.way + "/"
		files := map[string]string{"proc/meminfo": "MemTotal: 1 kB\n", "sys/block/" + tt.name: "→../devices/" + tt.way, dir + "size": "8\n", "dev/" + tt.name: strings.Repeat("\x00", 4096)}
		for name, text := range tt.files {
			if strings.HasPrefix(name, "/") {
				files[name[1:]] = text
			} else {
				files[dir+name] = text
			}
		}
		m, err := Probe(t.Context(), fakeTree(t, files), nil)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, link := range tt.want {
			want = append(want, "/dev/disk/"+link)
		}
		if diff := cmp.Diff(want, m.Disks[0].Links); diff != "" || m.Disks[0].Model != tt.model {
			t.Errorf("%s at %s: model %q, links %s", tt.name, tt.way, m.Disks[0].Model, diff)
		}
	}
}

func TestProbeFails(t *testing.T) {
	if _, err := Probe(t.Context(), t.TempDir(), nil); err == nil {
		t.Error("no error for a machine without /proc")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Probe(ctx, fakeMachine(t), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
}

// The machine of the test itself.
func TestProbeHere(t *testing.T) {
	m, err := Probe(t.Context(), "/", New())
	if err != nil {
		t.Fatal(err)
	}
	if m.Memory < 64<<20 || m.CPUs < 1 || m.Arch == "" {
		t.Errorf("an unlikely machine: %+v", m)
	}
}

func TestReadTable(t *testing.T) {
	type kinds map[int]string
	tests := []struct {
		name, script, kind string
		want               kinds
	}{
		{"gpt", "label: gpt\n1M,1M," + esp + "\n", "gpt", kinds{1: esp}},
		{"gpt with a gap", "label: gpt\n3 : start=2048, size=2048, type=" + data + "\n", "gpt", kinds{3: data}},
		{"empty gpt", "label: gpt\n", "gpt", kinds{}},
		{"dos", "label: dos\n1M,1M,83,*\n,1M,82\n", "dos", kinds{1: "0x83", 2: "0x82"}},
		{"logical", "label: dos\n1M,1M,83\n,,5\n,1M,83\n,1M,8e\n,1M,7\n", "dos", kinds{1: "0x83", 2: "0x5", 5: "0x83", 6: "0x8e", 7: "0x7"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			table, got := readTable(strings.NewReader(sfdiskImage(t, 16, tt.script)), 512), kinds{}
			for n, p := range table.parts {
				got[n] = p.kind
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || table.kind != tt.kind || table.id == "" {
				t.Errorf("%s table %q: %s", table.kind, table.id, diff)
			}
		})
	}
}

// What sfdisk made is told of partitions as blkid shows it.
func TestReadTableParts(t *testing.T) {
	dos := readTable(strings.NewReader(sfdiskImage(t, 16, "label: dos\nlabel-id: 0x1b2c3d4e\n1M,1M,83,*\n,,5\n,1M,83\n")), 512)
	want := map[int]tablePart{
		1: {kind: "0x83", uuid: "1b2c3d4e-01", attributes: 0x80},
		2: {kind: "0x5", uuid: "1b2c3d4e-02", size: 14 << 20},
		5: {kind: "0x83", uuid: "1b2c3d4e-05"},
	}
	if diff := cmp.Diff(want, dos.parts, cmp.AllowUnexported(tablePart{})); diff != "" {
		t.Error(diff)
	}
	extended := machine.Part{Number: 2, Size: 1024}
	dos.tell(&extended)
	if extended.Size != 14<<20 || extended.PartUUID != "1b2c3d4e-02" {
		t.Errorf("the extended partition: %+v", extended)
	}
}

func TestReadTableDamaged(t *testing.T) {
	image := []byte(sfdiskImage(t, 16, "label: gpt\n1M,1M\n"))
	image[512+80] ^= 1 // in the header
	for name, disk := range map[string][]byte{
		"damaged GPT": image, "zeros": make([]byte, 4096), "short": {1},
		"boot code": append(bytes.Repeat([]byte{0x31}, 510), 0x55, 0xaa),
	} {
		if got := readTable(bytes.NewReader(disk), 512); got.kind != "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func FuzzReadTable(f *testing.F) {
	f.Add([]byte(nil), int64(512))
	dos := make([]byte, 2048)
	copy(dos[446:], "\x80\x00\x00\x00\x0f\x00\x00\x00\x01\x00\x00\x00\x02")
	copy(dos[510:], "\x55\xaa")
	copy(dos[512+446:], "\x00\x00\x00\x00\x83\x00\x00\x00\x01\x00\x00\x00\x01")
	copy(dos[512+462:], "\x00\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x01") // points to itself
	copy(dos[1022:], "\x55\xaa")
	f.Add(dos, int64(512))
	f.Fuzz(func(t *testing.T, disk []byte, sector int64) {
		if sector != 512 && sector != 4096 {
			return
		}
		if got := readTable(bytes.NewReader(disk), sector); got.kind == "" && got.parts != nil {
			t.Errorf("partitions without a table: %+v", got)
		}
	})
}
