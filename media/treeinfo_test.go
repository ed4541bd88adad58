package media

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const treeText = `[general]
family = Debian
version = 13
arch = amd64
timestamp = 1760000000
discnum = 1
totaldiscs = 2

[images-amd64]
kernel = boot/vmlinuz
initrd = boot/initrd.img

[stage2]
mainimage = images/stage2.img

[checksums]
boot/vmlinuz = sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
images/stage2.img = sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad
`

func treeValue() TreeInfo {
	return TreeInfo{
		Family: "Debian", Version: "13", Arch: "amd64", Timestamp: 1760000000, Disc: 1, Discs: 2,
		Kernel: "boot/vmlinuz", Initrd: "boot/initrd.img", MainImage: "images/stage2.img",
		Checksums: map[string]string{
			"boot/vmlinuz":      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
			"images/stage2.img": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		},
	}
}

func TestTreeInfo(t *testing.T) {
	for _, text := range []string{treeText, strings.ReplaceAll(treeText, "\n", "\r\n"), "# comment\n;x\n" + treeText} {
		got, err := ParseTreeInfo([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(treeValue(), got); diff != "" {
			t.Error(diff)
		}
	}
	if diff := cmp.Diff(treeText, treeValue().String()); diff != "" {
		t.Error(diff)
	}
}

// A tree of Anaconda's, with much that is nothing to us.
func TestTreeInfoOfAnaconda(t *testing.T) {
	got, err := ParseTreeInfo([]byte(`[header]
type = productmd.treeinfo
[general]
; WARNING.0 = This section provides compatibility with pre-productmd treeinfos.
arch = x86_64
family = Fedora
name = Fedora 40
timestamp = 1713090600.27
variant = Server
version = 40
[images-x86_64]
initrd = images/pxeboot/initrd.img
kernel = images/pxeboot/vmlinuz
[images-xen]
kernel = images/xen/vmlinuz
[stage2]
mainimage = images/install.img
`))
	if err != nil {
		t.Fatal(err)
	}
	want := TreeInfo{
		Family: "Fedora", Version: "40", Arch: "x86_64", Variant: "Server", Timestamp: 1713090600,
		Kernel: "images/pxeboot/vmlinuz", Initrd: "images/pxeboot/initrd.img", MainImage: "images/install.img",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTreeInfoErrors(t *testing.T) {
	head := "[general]\nfamily = x\nversion = 1\narch = amd64\n"
	sum := strings.Repeat("0", 64)
	tests := []struct{ name, in, fails string }{
		{"empty", "", "family is missing"},
		{"no arch", "[general]\nfamily = x\nversion = 1\n", "arch is missing"},
		{"no section", "family = x\n", "line 1: family stands before"},
		{"broken section", "[general\n", "line 1"},
		{"no value", head + "oops\n", `line 5: "oops"`},
		{"twice", head + "arch = i386\n", "line 5: arch is given already in line 4"},
		{"disc", head + "discnum = one\n", "line 5: discnum"},
		{"disc of discs", head + "discnum = 3\ntotaldiscs = 2\n", "line 5: disc 3 of 2"},
		{"absolute", head + "[stage2]\nmainimage = /x\n", "line 6"},
		{"outside", head + "[stage2]\nmainimage = ../x\n", "line 6"},
		{"outside in sums", head + "[checksums]\n../x = sha256:" + sum + "\n", "line 6"},
		{"md5", head + "[checksums]\nx = md5:d41d8cd98f00b204e9800998ecf8427e\n", "line 6"},
		{"short sum", head + "[checksums]\nx = sha256:00\n", "line 6"},
		{"not text", "\xff", "not UTF-8"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseTreeInfo([]byte(tt.in))
			checkError(t, err, tt.fails)
		})
	}
}

func FuzzTreeInfo(f *testing.F) {
	f.Add([]byte(treeText))
	f.Add([]byte("[general]\r\nfamily=x\r\nversion=1\r\narch=a]b\r\n"))
	f.Add([]byte("[general]\nfamily = # x\nversion = [1]\narch = =\ntimestamp=1.5\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		tree, err := ParseTreeInfo(data)
		if err != nil {
			return
		}
		again, err := ParseTreeInfo([]byte(tree.String()))
		if err != nil {
			t.Fatalf("%q: %v", tree.String(), err)
		}
		if diff := cmp.Diff(tree, again); diff != "" {
			t.Error(diff)
		}
	})
}
