package linuxhost

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/stage2/host"
)

// someGPT has attributes, names and gaps that are to stay.
const someGPT = `label: gpt
label-id: 6B2F1F5C-7F3C-4F6A-9D37-0123456789AB
1 : start=2048, size=2048, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, uuid=00000000-0000-4000-8000-00000000000a, name="EFI system äöü", attrs="RequiredPartition GUID:60,63"
2 : start=4096, size=8192, uuid=00000000-0000-4000-8000-00000000000b, name="old"
3 : start=12288, size=8192, uuid=00000000-0000-4000-8000-00000000000c, name="stays"
5 : start=20480, size=8192, uuid=00000000-0000-4000-8000-00000000000d, name="shrinks", attrs="LegacyBIOSBootable"
`

func gptEdit() host.Edit {
	return host.Edit{
		Kind:   "gpt",
		Delete: []host.TablePart{{Number: 2, Start: 2 * mib, Size: 4 * mib}},
		Resize: []host.TablePart{{Number: 5, Start: 10 * mib, Size: 2 * mib}},
		Add: []host.TablePart{
			{Number: 2, Start: 2 * mib, Size: 3 * mib, Type: typeLinux, GUID: "00000000-0000-4000-8000-000000000001", Name: "root"},
			{Number: 4, Start: 16 * mib, Size: 8 * mib, Type: typeSwap, GUID: "00000000-0000-4000-8000-000000000002", Name: "swap"},
		},
	}
}

const someMBR = `label: dos
label-id: 0x12345678
unit: sectors
1 : start=2048, size=8192, type=7, bootable
2 : start=10240, size=51200, type=f
5 : start=12288, size=8192, type=82
6 : start=24576, size=8192, type=83
7 : start=40960, size=8192, type=8e
`

func mbrEdit() host.Edit {
	return host.Edit{
		Kind:   "dos",
		Delete: []host.TablePart{{Number: 6, Start: 12 * mib, Size: 4 * mib}},
		Add: []host.TablePart{
			{Number: 3, Start: 30 * mib, Size: 1 * mib, Type: "0x83"},
			{Number: 7, Start: 12 * mib, Size: 3 * mib, Type: "0x8e"},
		},
	}
}

// scripted is a loop disk with a table by sfdisk, known to the kernel, and
// something different in each sector behind it.
func scripted(t *testing.T, script string) string {
	t.Helper()
	disk := loopDisk(t, 32*mib)
	pattern := make([]byte, 31*mib)
	for i := range pattern {
		pattern[i] = byte(i / 512 * 7)
	}
	f, err := os.OpenFile(disk, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(pattern, mib/2); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", disk)
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("sfdisk: %v\n%s", err, out)
	}
	exec.Command("partx", "--delete", disk).Run() // what the device's last user left to the kernel
	output(t, "partx", "--add", disk)
	return disk
}

func dump(t *testing.T, disk string, without ...string) []string {
	t.Helper()
	var lines []string
	for line := range strings.Lines(output(t, "sfdisk", "--dump", disk)) {
		drop := false
		for _, w := range without {
			drop = drop || strings.HasPrefix(line, disk+w)
		}
		if !drop {
			lines = append(lines, line)
		}
	}
	return lines
}

func TestEditGPT(t *testing.T) {
	needRoot(t)
	disk := scripted(t, someGPT)
	before, linesBefore := readDisk(t, disk), dump(t, disk, "p2 ", "p4 ", "p5 ")
	h := New()
	if err := h.EditTable(t.Context(), disk, gptEdit()); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(linesBefore, dump(t, disk, "p2 ", "p4 ", "p5 ")); d != "" {
		t.Errorf("what was to stay: %s", d)
	}
	for _, want := range []string{
		"p2 : start=        4096, size=        6144, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, uuid=00000000-0000-4000-8000-000000000001, name=\"root\"",
		"p4 : start=       32768, size=       16384, type=0657FD6D-A4AB-43C4-84E5-0933C84B4F4F, uuid=00000000-0000-4000-8000-000000000002, name=\"swap\"",
		"p5 : start=       20480, size=        4096, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, uuid=00000000-0000-4000-8000-00000000000D, name=\"shrinks\", attrs=\"LegacyBIOSBootable\"",
	} {
		if !strings.Contains(strings.Join(dump(t, disk), ""), disk+want+"\n") {
			t.Errorf("%s is missing in %q", want, dump(t, disk))
		}
	}
	after := readDisk(t, disk)
	for _, n := range []int64{0, 2} { // entries of partitions 1 and 3, in both tables
		for _, at := range []int64{1024, 32*mib - 33*512} {
			at += n * 128
			if !bytes.Equal(before[at:at+128], after[at:at+128]) {
				t.Errorf("entry %d at %d is another", n+1, at)
			}
		}
	}
	sameContent(t, before, after, map[int64]int64{1 * mib: 1 * mib, 6 * mib: 4 * mib, 10 * mib: 2 * mib})
	if out := output(t, "sgdisk", "--verify", disk); !strings.Contains(out, "No problems found") {
		t.Errorf("sgdisk: %s", out)
	}
	again(t, h, disk, gptEdit(), "p1 p2 p3 p4 p5")
}

func TestEditMBR(t *testing.T) {
	needRoot(t)
	disk := scripted(t, someMBR)
	before := readDisk(t, disk)
	h := New()
	if err := h.EditTable(t.Context(), disk, mbrEdit()); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"p1 : start=        2048, size=        8192, type=7, bootable\n",
		"p2 : start=       10240, size=       51200, type=f\n",
		"p3 : start=       61440, size=        2048, type=83\n",
		"p5 : start=       12288, size=        8192, type=82\n",
		"p6 : start=       40960, size=        8192, type=8e\n",
		"p7 : start=       24576, size=        6144, type=8e\n",
	}
	for i := range want {
		want[i] = disk + want[i]
	}
	if d := cmp.Diff(want, dump(t, disk)[6:]); d != "" {
		t.Error(d)
	}
	after := readDisk(t, disk)
	sameContent(t, before, after, map[int64]int64{1 * mib: 4 * mib, 6 * mib: 4 * mib, 20 * mib: 4 * mib})
	if !bytes.Equal(before[:440], after[:440]) {
		t.Error("the boot code has changed")
	}
	output(t, "sfdisk", "--verify", disk)
	again(t, h, disk, mbrEdit(), "p1 p2 p3 p5 p6 p7")
}

// TestEditSecondTry: an earlier try changed the table, and the kernel wasn't told. What has the
// number of a partition that is to go may be one that stays by then.
func TestEditSecondTry(t *testing.T) {
	needRoot(t)
	disk := scripted(t, someMBR)
	e := host.Edit{Kind: "dos",
		Delete: []host.TablePart{{Number: 6, Start: 12 * mib, Size: 4 * mib}},
		Add:    []host.TablePart{{Number: 7, Start: 12 * mib, Size: 4 * mib, Type: "0x83"}},
	}
	output(t, "mkswap", disk+"p7")
	before := readDisk(t, disk)
	h := New()
	f, err := os.Open(disk)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	g, err := blockGeometry(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.edit(t.Context(), disk, e, g); err != nil { // as EditTable does it, and no more
		t.Fatal(err)
	}
	f.Close()
	if err := h.EditTable(t.Context(), disk, e); err != nil {
		t.Fatal(err)
	}
	sameContent(t, before, readDisk(t, disk), map[int64]int64{1 * mib: 4 * mib, 6 * mib: 4 * mib, 20 * mib: 4 * mib})
	if out := output(t, "blkid", "-p", "-o", "value", "-s", "TYPE", disk+"p6"); out != "swap\n" {
		t.Errorf("the one that stays is %q", out)
	}
}

// TestEditMBRExtended: an extended partition goes with all that is in it.
func TestEditMBRExtended(t *testing.T) {
	needRoot(t)
	disk := scripted(t, someMBR)
	e := host.Edit{Kind: "dos",
		Delete: []host.TablePart{
			{Number: 2, Start: 5 * mib, Size: 1024, Type: "0x0f"}, {Number: 5, Start: 6 * mib, Size: 4 * mib}, {Number: 6, Start: 12 * mib, Size: 4 * mib},
			{Number: 7, Start: 20 * mib, Size: 4 * mib},
		},
		Add: []host.TablePart{{Number: 2, Start: 5 * mib, Size: 20 * mib, Type: "0x83"}},
	}
	h := New()
	if err := h.EditTable(t.Context(), disk, e); err != nil {
		t.Fatal(err)
	}
	want := []string{disk + "p1 : start=        2048, size=        8192, type=7, bootable\n", disk + "p2 : start=       10240, size=       40960, type=83\n"}
	if d := cmp.Diff(want, dump(t, disk)[6:]); d != "" {
		t.Error(d)
	}
	again(t, h, disk, e, "p1 p2")
}

// again: a second time changes nothing, and the kernel has what the table says.
func again(t *testing.T, h *Host, disk string, e host.Edit, nodes string) {
	t.Helper()
	before := dump(t, disk)
	if err := h.EditTable(t.Context(), disk, e); err != nil {
		t.Errorf("again: %v", err)
	}
	if d := cmp.Diff(before, dump(t, disk)); d != "" {
		t.Errorf("again: %s", d)
	}
	found, _ := filepath.Glob(disk + "p*")
	for i := range found {
		found[i] = strings.TrimPrefix(found[i], disk)
	}
	if d := cmp.Diff(strings.Fields(nodes), found); d != "" {
		t.Errorf("device nodes: %s", d)
	}
}

func sameContent(t *testing.T, before, after []byte, parts map[int64]int64) {
	t.Helper()
	for start, size := range parts {
		if !bytes.Equal(before[start:start+size], after[start:start+size]) {
			t.Errorf("what is in the partition at %d has changed", start)
		}
	}
}

func readDisk(t *testing.T, disk string) []byte {
	t.Helper()
	data, err := os.ReadFile(disk)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestEditRefuses: nothing is written when the table isn't the one of the plan.
func TestEditRefuses(t *testing.T) {
	needRoot(t)
	disk := scripted(t, someGPT)
	other, gone, kind := gptEdit(), gptEdit(), gptEdit()
	other.Delete[0].Size = 3 * mib
	gone.Resize[0].Start = 11 * mib
	kind.Kind = "dos"
	over := host.Edit{Kind: "gpt", Add: []host.TablePart{{Number: 4, Start: 9 * mib, Size: mib, Type: typeLinux, GUID: "00000000-0000-4000-8000-000000000002"}}}
	before := readDisk(t, disk)
	for name, e := range map[string]host.Edit{"another partition": other, "none": gone, "another table": kind, "overlap": over} {
		if err := New().EditTable(t.Context(), disk, e); err == nil {
			t.Errorf("%s: done", name)
		}
		if !bytes.Equal(before, readDisk(t, disk)) {
			t.Errorf("%s: the disk was written", name)
		}
	}
	mounted := filepath.Join(t.TempDir(), "mnt")
	output(t, "mkfs.ext4", "-q", "-F", disk+"p3")
	h := New()
	if err := h.Mount(host.Mount{Source: disk + "p3", Target: mounted, FSType: "ext4"}); err != nil {
		t.Fatal(err)
	}
	defer h.Unmount(mounted)
	before = readDisk(t, disk)[:mib]
	var busy *host.BusyError
	if err := h.EditTable(t.Context(), disk, gptEdit()); !errors.As(err, &busy) || !bytes.Equal(before, readDisk(t, disk)[:mib]) {
		t.Errorf("in use: %v", err)
	}
}

func TestWriteMBR(t *testing.T) {
	needRoot(t)
	disk := scripted(t, someGPT)
	h := New()
	if err := h.Wipe(t.Context(), disk); err != nil {
		t.Fatal(err)
	}
	table := host.Table{Kind: "dos", GUID: "0x1a2b3c4d", Parts: []host.TablePart{
		{Start: 1 * mib, Size: 4 * mib, Type: "0x83", Active: true},
		{Start: 5 * mib, Size: 20 * mib, Type: "0x5"},
		{Number: 5, Start: 6 * mib, Size: 4 * mib, Type: "0x82"},
		{Number: 6, Start: 11 * mib, Size: 4 * mib, Type: "0xfd"},
	}}
	for range 2 {
		if err := h.WriteTable(t.Context(), disk, table); err != nil {
			t.Fatal(err)
		}
		got := strings.Join(dump(t, disk), "")
		for _, want := range []string{
			"label-id: 0x1a2b3c4d\n", "p1 : start=        2048, size=        8192, type=83, bootable\n", "p2 : start=       10240, size=       40960, type=5\n",
			"p5 : start=       12288, size=        8192, type=82\n", "p6 : start=       22528, size=        8192, type=fd\n",
		} {
			if !strings.Contains(got, want) {
				t.Errorf("%q is missing in\n%s", want, got)
			}
		}
		if nodes, _ := filepath.Glob(disk + "p*"); len(nodes) != 4 {
			t.Errorf("device nodes %v", nodes)
		}
	}
	output(t, "sfdisk", "--verify", disk)
}
