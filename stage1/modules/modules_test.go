package modules

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"pci:v00008086d00002922sv*sd*bc*sc*i*", "pci:v00008086d00002922sv00001AF4sd00001100bc01sc06i01", true},
		{"pci:v00008086d00002922sv*sd*bc*sc*i*", "pci:v00008086d00002921sv00001AF4sd00001100bc01sc06i01", false},
		{"pci:v*d*sv*sd*bc01sc06i01*", "pci:v00008086d00002922sv00001AF4sd00001100bc01sc06i01", true},
		{"usb:v*p*d*dc*dsc*dp*ic08isc06ip50in*", "usb:v0951p1666d0110dc00dsc00dp00ic08isc06ip50in00", true},
		{"usb:v04B4p6830d000[0-9]dc*", "usb:v04B4p6830d0005dc00", true},
		{"usb:v04B4p6830d000[0-9]dc*", "usb:v04B4p6830d000Adc00", false},
		{"a[!x]c", "abc", true},
		{"a[!x]c", "axc", false},
		{"a[]]c", "a]c", true},
		{"a?c", "ac", false},
		{"*", "", true},
		{"**a*", "xxa", true},
		{"a[b", "ab", false},
		{"", "", true},
		{"scsi:t-0x05*", "scsi:t-0x05", true},
	} {
		if got := match(c.pattern, c.s); got != c.want {
			t.Errorf("match(%q, %q) = %v", c.pattern, c.s, got)
		}
	}
}

func TestNormal(t *testing.T) {
	for in, want := range map[string]string{
		"virtio-scsi": "virtio_scsi", "scsi:t-0x05*": "scsi:t_0x05*", "d[0-9]-x": "d[0-9]_x", "plain": "plain",
	} {
		if got := normal(in); got != want {
			t.Errorf("normal(%q) = %q, want %q", in, got, want)
		}
	}
}

func example(t *testing.T) *Index {
	t.Helper()
	x, err := Read(fstest.MapFS{
		"modules.dep": {Data: []byte(`kernel/ata/ahci.ko: kernel/ata/libahci.ko kernel/ata/libata.ko.xz kernel/scsi/scsi_mod.ko
kernel/ata/libahci.ko: kernel/ata/libata.ko.xz kernel/scsi/scsi_mod.ko
kernel/ata/libata.ko.xz: kernel/scsi/scsi_mod.ko
kernel/ata/ata_generic.ko: kernel/ata/libata.ko.xz kernel/scsi/scsi_mod.ko
kernel/scsi/scsi_mod.ko:
kernel/scsi/sr-mod.ko: kernel/scsi/scsi_mod.ko
kernel/fs/ext4.ko:
kernel/crypto/crc32c_generic.ko:
`)},
		"modules.alias": {Data: []byte(`# comment
alias pci:v*d*sv*sd*bc01sc06i01* ahci
alias pci:v*d*sv*sd*bc01sc0[156]i* ata_generic
alias scsi:t-0x05* sr_mod
alias fs-ext4 ext4
alias crc32c crc32c_generic
alias pci:v*d*sv*sd*bc02* not_here
`)},
		"modules.softdep": {Data: []byte("softdep ext4 pre: crc32c post: sr_mod\n")},
		"modules.builtin": {Data: []byte("kernel/drivers/virtio/virtio.ko\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestNames(t *testing.T) {
	x := example(t)
	for s, want := range map[string][]string{
		"pci:v00008086d00002922sv00001AF4sd00001100bc01sc06i01": {"ahci", "ata_generic"},
		"scsi:t-0x05":    {"sr_mod"},
		"sr-mod":         {"sr_mod"},
		"fs-ext4":        {"ext4"},
		"virtio":         nil,
		"pci:v1d1bc02xx": nil,
		"":               nil,
	} {
		if diff := cmp.Diff(want, x.Names(s)); diff != "" {
			t.Errorf("Names(%q): %s", s, diff)
		}
	}
}

func TestFilesComeAfterWhatTheyNeed(t *testing.T) {
	x := example(t)
	for name, want := range map[string][]string{
		"ahci": {"kernel/scsi/scsi_mod.ko", "kernel/ata/libata.ko.xz", "kernel/ata/libahci.ko", "kernel/ata/ahci.ko"},
		"ext4": {"kernel/crypto/crc32c_generic.ko", "kernel/fs/ext4.ko", "kernel/scsi/scsi_mod.ko", "kernel/scsi/sr-mod.ko"},
		"none": nil,
	} {
		if diff := cmp.Diff(want, x.Files(name)); diff != "" {
			t.Errorf("Files(%q): %s", name, diff)
		}
	}
}

func TestReadNeedsModulesDep(t *testing.T) {
	if _, err := Read(fstest.MapFS{}); err == nil {
		t.Error("no error without modules.dep")
	}
}

func TestLoaderLoadsEachFileOnceAndInOrder(t *testing.T) {
	var mu sync.Mutex
	var loaded []string
	l := newLoader(example(t), func(file string) error {
		mu.Lock()
		defer mu.Unlock()
		loaded = append(loaded, file)
		return nil
	})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := l.Load("ahci"); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() { _ = l.Load("sr_mod") })
	}
	wg.Wait()
	if len(loaded) != 5 {
		t.Errorf("loaded %d files, want 5: %v", len(loaded), loaded)
	}
	for _, pair := range [][2]string{{"scsi_mod", "libata"}, {"libata", "libahci"}, {"libahci", "/ahci"}, {"scsi_mod", "sr-mod"}} {
		if index(loaded, pair[0]) > index(loaded, pair[1]) {
			t.Errorf("%s was loaded after %s: %v", pair[0], pair[1], loaded)
		}
	}
}

func index(files []string, part string) int {
	return slices.IndexFunc(files, func(f string) bool { return strings.Contains(f, part) })
}

func TestLoaderNamesWhatFailed(t *testing.T) {
	bad := errors.New("Exec format error")
	l := newLoader(example(t), func(file string) error {
		if strings.Contains(file, "libata") {
			return bad
		}
		return nil
	})
	err := l.Load("ahci")
	if !errors.Is(err, bad) || !strings.Contains(err.Error(), "ahci") {
		t.Errorf("got %v", err)
	}
	if err := l.Load("unknown"); err != nil {
		t.Errorf("an unknown module is no error: %v", err)
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("pci:v*d[0-9]*", "pci:v1d5x")
	f.Add("[!a-z]?*", "0a")
	f.Add("[", "[")
	f.Fuzz(func(t *testing.T, pattern, s string) {
		match(pattern, s)
		if !strings.ContainsAny(pattern, "*?[") && match(pattern, s) != (pattern == s) {
			t.Errorf("match(%q, %q) is not equality", pattern, s)
		}
	})
}

func FuzzRead(f *testing.F) {
	f.Add("kernel/a.ko: kernel/b.ko\n", "alias x a\n", "softdep a pre: b\n")
	f.Fuzz(func(t *testing.T, dep, alias, soft string) {
		x, err := Read(fstest.MapFS{"modules.dep": {Data: []byte(dep)}, "modules.alias": {Data: []byte(alias)}, "modules.softdep": {Data: []byte(soft)}})
		if err != nil {
			return
		}
		for name := range x.modules {
			if len(x.Files(name)) == 0 {
				t.Errorf("module %q has no file", name)
			}
		}
	})
}
