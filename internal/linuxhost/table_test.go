package linuxhost

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/stage2/host"
)

const (
	mib       = int64(1 << 20)
	typeLinux = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
	typeBIOS  = "21686148-6449-6E6F-744E-656564454649"
	typeSwap  = "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F"
)

func testTable() host.Table {
	return host.Table{GUID: "6B2F1F5C-7F3C-4F6A-9D37-0123456789AB", Parts: []host.TablePart{
		{Start: 1 * mib, Size: 1 * mib, Type: typeBIOS, GUID: "00000000-0000-4000-8000-000000000001", Name: "bios boot"},
		{Start: 2 * mib, Size: 20 * mib, Type: typeLinux, GUID: "00000000-0000-4000-8000-000000000002", Name: "root äöü"},
		{Start: 22 * mib, Size: 10*mib - 33*512, Type: typeSwap, GUID: "00000000-0000-4000-8000-000000000003", Name: "swap"},
	}}
}

func output(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// sfdiskParts is what sfdisk finds in a partition table.
func sfdiskParts(t *testing.T, device string) (id string, parts []host.TablePart) {
	t.Helper()
	var dump struct {
		PartitionTable struct {
			ID         string
			SectorSize int64
			Partitions []struct {
				Start, Size      int64
				Type, UUID, Name string
			}
		}
	}
	if err := json.Unmarshal([]byte(output(t, "sfdisk", "--json", device)), &dump); err != nil {
		t.Fatal(err)
	}
	table := dump.PartitionTable
	for _, p := range table.Partitions {
		parts = append(parts, host.TablePart{
			Start: p.Start * table.SectorSize, Size: p.Size * table.SectorSize, Type: p.Type, GUID: p.UUID, Name: p.Name,
		})
	}
	return table.ID, parts
}

func TestWriteTable(t *testing.T) {
	needRoot(t)
	disk := loopDisk(t, 32*mib)
	want := testTable()
	for round, n := range []int{3, 1, 3} {
		table := host.Table{GUID: want.GUID, Parts: want.Parts[:n]}
		if err := New().WriteTable(context.Background(), disk, table); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		id, parts := sfdiskParts(t, disk)
		if id != want.GUID {
			t.Errorf("disk GUID %s", id)
		}
		if d := cmp.Diff(table.Parts, parts); d != "" {
			t.Error(d)
		}
		if out := output(t, "sgdisk", "--verify", disk); !strings.Contains(out, "No problems found") {
			t.Errorf("sgdisk: %s", out)
		}
		nodes, _ := filepath.Glob(disk + "p*")
		if len(nodes) != n {
			t.Errorf("round %d: device nodes %v", round, nodes)
		}
	}
}

func TestWriteTableWipesBootCode(t *testing.T) {
	needRoot(t)
	disk := loopDisk(t, 32*mib)
	if err := os.WriteFile(disk, []byte(strings.Repeat("B", 512)), 0); err != nil {
		t.Fatal(err)
	}
	if err := New().WriteTable(context.Background(), disk, testTable()); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(disk)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(data[:512]), "B") {
		t.Error("old boot code is still there")
	}
}

func TestWriteTableBusy(t *testing.T) {
	needRoot(t)
	disk := loopDisk(t, 32*mib)
	h, ctx := New(), context.Background()
	if err := h.WriteTable(ctx, disk, testTable()); err != nil {
		t.Fatal(err)
	}
	output(t, "mkfs.ext4", "-q", "-F", disk+"p2")
	dir := filepath.Join(t.TempDir(), "mnt")
	if err := h.Mount(host.Mount{Source: disk + "p2", Target: dir, FSType: "ext4"}); err != nil {
		t.Fatal(err)
	}
	defer h.Unmount(dir)
	before, _ := os.ReadFile(disk)
	var busy *host.BusyError
	if err := h.WriteTable(ctx, disk, host.Table{GUID: testTable().GUID}); !errors.As(err, &busy) {
		t.Errorf("WriteTable: %v", err)
	}
	if err := h.Wipe(ctx, disk); !errors.As(err, &busy) {
		t.Errorf("Wipe: %v", err)
	}
	if after, _ := os.ReadFile(disk); string(after[:mib]) != string(before[:mib]) {
		t.Error("the busy disk was written")
	}
}

func TestWriteTableRefuses(t *testing.T) {
	g := geometry{size: 32 * mib, sector: 512}
	for name, change := range map[string]func(p []host.TablePart){
		"odd start":  func(p []host.TablePart) { p[0].Start += 100 },
		"no size":    func(p []host.TablePart) { p[1].Size = 0 },
		"overlap":    func(p []host.TablePart) { p[1].Start -= 512 },
		"in header":  func(p []host.TablePart) { p[0].Start = 512 },
		"after end":  func(p []host.TablePart) { p[2].Size += 512 },
		"wrong size": func(p []host.TablePart) { p[2].Size = -512 },
	} {
		table := testTable()
		change(table.Parts)
		if _, err := toGPT(table, g); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := toGPT(testTable(), g); err != nil {
		t.Error(err)
	}
}

func TestProtectiveMBRBig(t *testing.T) {
	for size, want := range map[int64]string{32 * mib: "ffff0000", 3 << 40: "ffffffff"} {
		mbr := protectiveMBR(geometry{size, 512})
		if got := fmt.Sprintf("%x", mbr[458:462]); got != want {
			t.Errorf("disk of %d bytes: size field %s, want %s", size, got, want)
		}
	}
}

func TestWipe(t *testing.T) {
	needRoot(t)
	disk := loopDisk(t, 32*mib)
	h, ctx := New(), context.Background()
	if err := h.WriteTable(ctx, disk, testTable()); err != nil {
		t.Fatal(err)
	}
	output(t, "mkfs.ext4", "-q", "-F", disk+"p2")
	if err := h.Wipe(ctx, disk); err != nil {
		t.Fatal(err)
	}
	if out := output(t, "wipefs", disk); out != "" {
		t.Errorf("still there: %s", out)
	}
	data, _ := os.ReadFile(disk)
	if magic := data[2*mib+0x438 : 2*mib+0x43a]; string(magic) == "\x53\xef" {
		t.Error("the ext4 signature in the old partition is still there")
	}
}
