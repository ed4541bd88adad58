package modinfo

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	got := Parse([]byte("license=GPL\x00alias=pci:v*\x00alias=fs-x\x00depends=a,b\x00softdep=pre: c\x00firmware=x/y.bin\x00name=n\x00broken\x00depends=\x00vermagic=6.12.1 SMP mod_unload\x00"))
	want := Info{Name: "n", Aliases: []string{"pci:v*", "fs-x"}, Depends: []string{"a", "b"}, Soft: []string{"pre: c"}, Firmware: []string{"x/y.bin"}, Kernel: "6.12.1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("alias=x\x00depends=a,b\x00"))
	f.Add([]byte("\x7fELF\x02\x01\x01"))
	f.Fuzz(func(_ *testing.T, data []byte) {
		Parse(data)
		_, _ = Read(data)
	})
}
