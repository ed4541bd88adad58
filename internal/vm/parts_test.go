package vm

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPlain(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"text", "hello\nworld", "hello\nworld"},
		{"CR and NUL", "a\r\nb\x00c", "a\nbc"},
		{"colour", "\x1b[1;31mred\x1b[0m.", "red."},
		{"private mode", "\x1b[?2004lroot# ", "root# "},
		{"title", "\x1b]0;title\x07x\x1b]2;y\x1b\\z", "xz"},
		{"character set", "\x1b(Bx\x1b7y\x1b8", "xy"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var whole, split plainer
			if got := string(whole.append(nil, []byte(tt.in))); got != tt.want {
				t.Errorf("at once: %q, want %q", got, tt.want)
			}
			var got []byte
			for i := range tt.in {
				got = split.append(got, []byte{tt.in[i]})
			}
			if string(got) != tt.want {
				t.Errorf("byte by byte: %q, want %q", got, tt.want)
			}
		})
	}
}

// TestHearPanic: the line is heard in whatever pieces it comes, once it is whole.
func TestHearPanic(t *testing.T) {
	const said = "[    1.8] Oops: int3\r\n[    1.9] Kernel panic - not syncing: Fatal exception in interrupt\r\n[    1.9] more\r\n"
	for _, size := range []int{1, 7, len(said)} {
		var p plainer
		var text []byte
		g := Guest{}
		for rest := []byte(said); len(rest) > 0; rest = rest[min(size, len(rest)):] {
			had := len(text)
			text = p.append(text, rest[:min(size, len(rest))])
			g.listenForPanic(text, had)
			if whole := strings.Contains(string(text), "interrupt\n"); whole != (g.lost() != nil) {
				t.Fatalf("in pieces of %d: after %q %v", size, text, g.lost())
			}
		}
		if err := g.lost(); !errors.Is(err, ErrPanic) || !strings.HasSuffix(err.Error(), ": Fatal exception in interrupt") {
			t.Errorf("in pieces of %d: %v", size, err)
		}
	}
	g := Guest{cfg: Config{Panics: true}}
	g.listenForPanic([]byte(said), 0)
	if err := g.lost(); err != nil {
		t.Errorf("when it may panic: %v", err)
	}
}

func FuzzPlain(f *testing.F) {
	f.Add([]byte("\x1b[1mx"), []byte("\x1b]0;y\x07z"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		var split, whole plainer
		got := split.append(split.append(nil, a), b)
		want := whole.append(nil, append(a[:len(a):len(a)], b...))
		if string(got) != string(want) {
			t.Errorf("split %q, at once %q", got, want)
		}
		if strings.ContainsAny(string(got), "\x1b\r\x00") {
			t.Errorf("control left in %q", got)
		}
	})
}

func TestParseKeys(t *testing.T) {
	tests := []struct {
		in   string
		want [][]string
	}{
		{"a1\n", [][]string{{"a"}, {"1"}, {"ret"}}},
		{"A ~", [][]string{{"shift", "a"}, {"spc"}, {"shift", "grave_accent"}}},
		{"?:_", [][]string{{"shift", "slash"}, {"shift", "semicolon"}, {"shift", "minus"}}},
		{"<ctrl-alt-f2><less>>", [][]string{{"ctrl", "alt", "f2"}, {"shift", "comma"}, {"shift", "dot"}}},
		{"\t\x1b", [][]string{{"tab"}, {"esc"}}},
	}
	for _, tt := range tests {
		got, err := parseKeys(tt.in)
		if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
			t.Errorf("parseKeys(%q): %v %s", tt.in, err, diff)
		}
	}
	for _, bad := range []string{"<f2", "é"} {
		if _, err := parseKeys(bad); err == nil {
			t.Errorf("parseKeys(%q): no error", bad)
		}
	}
	for c := ' '; c <= '~'; c++ {
		if c != '<' && key(c) == nil {
			t.Errorf("no key for %q", c)
		}
	}
}

func TestArgs(t *testing.T) {
	tests := []struct {
		name string
		cfg  Config
		want []string // all of them are in the command line
	}{
		{"defaults", Config{}, []string{"-machine pc", "-m 1024", "-smp 1", "-cpu max", "-nic none", "-display none"}},
		{"UEFI", Config{Firmware: UEFI}, []string{"-machine q35"}},
		{"drives before disks", Config{Drives: []string{"a.iso", ""}, Disks: []Disk{{Path: "d"}}}, []string{
			"ide-cd,bus=ide.1,unit=0,id=cd0,drive=medium-cd0,bootindex=1", "file=a.iso",
			"ide-cd,bus=ide.1,unit=1,id=cd1,drive=medium-cd1,bootindex=2",
			"virtio-blk-pci,drive=disk0,serial=disk0,bootindex=3",
		}},
		{"ports of a q35", Config{Machine: "q35", Drives: []string{""}, Disks: []Disk{{Path: "d", Interface: IDE, Serial: "S"}}}, []string{
			"ide-cd,bus=ide.0,", "ide-hd,bus=ide.1,drive=disk0,serial=S,",
		}},
		{"network", Config{Network: true, Restrict: true}, []string{"-nic user,model=virtio-net-pci,restrict=on"}},
		{"cards", Config{NICs: []NIC{{Backend: "tap,ifname=t0"}, {Backend: "user", MAC: "52:54:00:00:00:01"}}}, []string{
			"-netdev tap,id=net0,ifname=t0 -device virtio-net-pci,id=nic0,netdev=net0 ",
			"-netdev user,id=net1 -device virtio-net-pci,id=nic1,netdev=net1,mac=52:54:00:00:00:01",
		}},
		{"boot from a card", Config{NICs: []NIC{{Backend: "user", Boot: PXE}}}, []string{"netdev=net0,bootindex=0"}},
		{"UEFI HTTP boot", Config{Firmware: UEFI, NICs: []NIC{{Backend: "user", Boot: HTTP}}}, []string{
			"netdev=net0,bootindex=0,romfile= -fw_cfg name=opt/org.tianocore/IPv4PXESupport,string=n",
		}},
		{"kernel", Config{Kernel: "k", Initrd: "i", Append: "quiet", NoReboot: true}, []string{"-kernel k -append quiet -initrd i -no-reboot"}},
		{"comma", Config{Disks: []Disk{{Path: "a,b", ReadOnly: true, Interface: USB}}}, []string{
			"file=a,,b,readonly=on", "qemu-xhci,id=usb", "usb-storage,bus=usb.0,drive=disk0",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			args, err := tt.cfg.withDefaults().args(channels{3, 4, 5}, nil)
			if err != nil {
				t.Fatal(err)
			}
			line := strings.Join(args, " ")
			for _, want := range tt.want {
				if !strings.Contains(line, want) {
					t.Errorf("%q is not in %s", want, line)
				}
			}
		})
	}
}
