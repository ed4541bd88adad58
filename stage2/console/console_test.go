package console

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/internal/linuxhost"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/host"
	"github.com/molt-installer/molt/stage2/host/hosttest"
)

// psf1Font is a font of the first version: 256 glyphs of one byte, and a table.
func psf1Font(glyphs ...[]uint16) string {
	font := append([]byte{0x36, 0x04, 2, 1}, make([]byte, 256)...)
	for _, g := range glyphs {
		for _, u := range append(g, 0xffff) {
			font = binary.LittleEndian.AppendUint16(font, u)
		}
	}
	return string(font)
}

// psf2Font is one of the second version: two glyphs of three bytes.
func psf2Font(table string) string {
	font := []byte{0x72, 0xb5, 0x4a, 0x86}
	for _, u := range []uint32{0, 32, 1, 2, 3, 3, 8} {
		font = binary.LittleEndian.AppendUint32(font, u)
	}
	return string(append(font, 0, 0, 0, 0, 0, 0)) + table
}

// machine has a screen, the fonts of Latin and Cyrillic letters, and ckbcomp's keymap.
func machine() *hosttest.Host {
	h := hosttest.New()
	h.AddFile("/sys/class/vtconsole/vtcon0/bind", "0\n")
	h.AddFile("/sys/class/vtconsole/vtcon0/name", "(S) dummy device\n")
	h.AddFile("/sys/class/vtconsole/vtcon1/bind", "1\n")
	h.AddFile("/sys/class/vtconsole/vtcon1/name", "(M) frame buffer device\n")
	h.AddFile(fontDir+"/Lat15-Fixed16.psf", psf1Font([]uint16{'A'}))
	h.AddFile(fontDir+"/Lat15-VGA16.psf", psf1Font([]uint16{'A'}, []uint16{'ä', 'Ä'}, []uint16{'ß', 0xfffe, 'x', 0x301}))
	h.AddFile(fontDir+"/CyrSlav-Fixed16.psf", psf1Font([]uint16{'A', 'А'}, []uint16{'я'}))
	h.AddFile(fontDir+"/Lat15-Terminus32x16.psf", psf2Font("ä\xffß\xfex\u0301\xff"))
	h.Answer(hosttest.Reply{Stdout: "keymaps 0-127\n"}, "ckbcomp")
	return h
}

// asChild is how a program runs that must not get the terminal as its own.
const asChild = `run sh -c "$@"; exit sh `

func TestFind(t *testing.T) {
	if Find(machine(), "/sys", "/dev") == nil {
		t.Error("the screen isn't found")
	}
	h := machine()
	h.AddFile("/sys/class/vtconsole/vtcon1/bind", "0\n")
	h.AddFile("/sys/class/vtconsole/vtcon0/bind", "1\n")
	if Find(h, "/sys", "/dev") != nil {
		t.Error("a dummy is taken for a screen")
	}
	if Find(hosttest.New(), "/sys", "/dev") != nil {
		t.Error("a kernel without virtual terminals has a screen")
	}
}

func TestSetKeyboard(t *testing.T) {
	h := machine()
	loaded := ""
	h.Answer(hosttest.Reply{Do: func(_ context.Context, c host.Command) error { loaded = c.Stdin; return nil }}, "sh", "-c", `"$@"; exit`, "sh", "loadkeys")
	c := Find(h, "/sys", "/dev")
	if err := c.SetKeyboard(t.Context(), config.Keyboard{Layout: "us,ru", Variant: ",phonetic", Options: "grp:alt_shift_toggle"}); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"run ckbcomp -model pc105 -layout us,ru -variant ,phonetic -option grp:alt_shift_toggle",
		asChild + "loadkeys --console /dev/tty1 --unicode --quiet -",
	}
	if d := cmp.Diff(want, h.Called("run ")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if loaded != "keymaps 0-127\n" {
		t.Errorf("loaded is %q", loaded)
	}
	if err := c.SetKeyboard(t.Context(), config.Keyboard{Keymap: "odd"}); err != nil || len(h.Called("run ")) != 2 {
		t.Errorf("without a layout: %v, %v", err, h.Called("run "))
	}
	for _, program := range []string{"run ckbcomp", asChild + "loadkeys"} {
		h.FailOn(program, 1, errors.New("no such thing"))
		if err := c.SetKeyboard(t.Context(), config.Keyboard{Layout: "de"}); err == nil || !strings.Contains(err.Error(), "layout de") {
			t.Errorf("%s: %v", program, err)
		}
	}
}

func TestSetLanguage(t *testing.T) {
	h := machine()
	c := Find(h, "/sys", "/dev")
	if c.Shows("ä") || !c.Shows("plain ASCII") {
		t.Error("of the kernel's own font only ASCII is certain")
	}
	if !c.Could("de_DE.UTF-8", "Äß") || c.Could("de_DE.UTF-8", "я") || c.Could("ru_RU.UTF-8", "ä") || c.Could("el_GR.UTF-8", "ä") {
		t.Error("Could")
	}
	if err := c.SetLanguage(t.Context(), "de_DE.UTF-8"); err != nil {
		t.Fatal(err)
	}
	if !c.Shows("Äß A") || c.Shows("я") || c.Shows("x\u0301") {
		t.Error("Shows")
	}
	if err := c.SetLanguage(t.Context(), "ru_RU.UTF-8"); err != nil {
		t.Fatal(err)
	}
	if c.Shows("ä") || !c.Shows("я") {
		t.Error("Shows, in Russian")
	}
	h.FailOn(asChild+"setfont", 3, errors.New("no such thing"))
	if err := c.SetLanguage(t.Context(), "de_DE.UTF-8"); err == nil || c.Shows("ä") {
		t.Errorf("a font that can't be set: %v", err)
	}
	if err := c.SetLanguage(t.Context(), "el_GR.UTF-8"); err == nil {
		t.Error("no error for a font that isn't there")
	}
	want := []string{}
	for _, font := range []string{"Lat15-VGA16", "CyrSlav-Fixed16", "Lat15-VGA16"} {
		for _, tty := range []string{"tty1", "tty2", "tty3"} {
			want = append(want, asChild+"setfont -C /dev/"+tty+" /usr/share/consolefonts/"+font+".psf")
		}
	}
	if d := cmp.Diff(want, h.Called("run ")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestWideScreen: letters that can be read on a very fine screen, where the font has them.
func TestWideScreen(t *testing.T) {
	h := machine()
	h.AddFile("/sys/class/graphics/fb0/virtual_size", "3840,2160\n")
	c := Find(h, "/sys", "/dev")
	if err := errors.Join(c.SetLanguage(t.Context(), "de_DE.UTF-8"), c.SetLanguage(t.Context(), "ru_RU.UTF-8")); err != nil {
		t.Fatal(err)
	}
	if got := h.Called(asChild + "setfont -C /dev/tty1"); len(got) != 2 || !strings.HasSuffix(got[0], "Lat15-Terminus32x16.psf") || !strings.HasSuffix(got[1], "CyrSlav-Fixed16.psf") {
		t.Errorf("%q", got)
	}
}

func TestFontOf(t *testing.T) {
	for locale, want := range map[string]string{
		"de_DE.UTF-8": "Lat15", "pl_PL.UTF-8": "Lat2", "sr_RS.UTF-8": "CyrSlav", "sr_RS.UTF-8@latin": "Lat15", "zh_CN.UTF-8": "Lat15",
		"el": "Greek", "C.UTF-8": "Lat15", "": "Lat15", "eo.UTF-8": "Lat38",
	} {
		if got := fontOf(locale); got != want {
			t.Errorf("%q: %s, want %s", locale, got, want)
		}
	}
}

func FuzzFont(f *testing.F) {
	f.Add([]byte(psf1Font([]uint16{'A'}, []uint16{'ä', 0xfffe, 'x'})))
	f.Add([]byte(psf2Font("ä\xffß\xfex\xff")))
	f.Add([]byte(psf2Font("")[:20]))
	f.Fuzz(func(t *testing.T, data []byte) {
		if letters, err := fontLetters(data); (letters == nil) != (err != nil) {
			t.Errorf("%v, %v", letters, err)
		}
	})
}

func TestLettersOf(t *testing.T) {
	own := func(text string) bool { return text == "own" }
	for _, tt := range []struct {
		term, lang string
		own        Letters
		want       string // which of ASCII, ä, я it shows
	}{
		{"vt220", "C.UTF-8", own, "A"}, {"vt100", "", nil, "A"}, {"vt102", "de_DE.UTF-8", nil, "A"}, {"", "C.UTF-8", nil, "A"},
		{"dumb", "de_DE.UTF-8", nil, "A"}, {"xterm-256color", "de_DE.UTF-8", nil, "Aäя"}, {"xterm", "", nil, "Aäя"},
		{"screen", "de_DE.ISO-8859-1", nil, "A"}, {"xterm", "C", nil, "A"}, {"tmux-256color", "en_US.utf8", nil, "Aäя"},
		{"linux", "de_DE.UTF-8", nil, "Aä"}, {"linux", "C.UTF-8", own, ""}, {"XTERM-KITTY", "de_DE", nil, "Aäя"},
	} {
		got := ""
		has := LettersOf(tt.term, tt.lang, tt.own)
		for _, r := range []string{"A", "ä", "я"} {
			if has(r) {
				got += r
			}
		}
		if got != tt.want {
			t.Errorf("%s, %s: shows %q, want %q", tt.term, tt.lang, got, tt.want)
		}
	}
}

func TestReadable(t *testing.T) {
	latin := upTo(0xff)
	if !Readable("äöü – “quoted”", latin) || Readable("ä, я", latin) || !Readable("", upTo(0x7f)) {
		t.Error("Readable")
	}
}

// TestShell: a shell that was left comes again, until it is over.
func TestShell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := machine()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		h.Answer(hosttest.Reply{}, "sh")
		h.Answer(hosttest.Reply{Err: &host.ExitError{Code: 1}}, "sh")
		h.Answer(hosttest.Reply{Do: func(ctx context.Context, _ host.Command) error { <-ctx.Done(); return ctx.Err() }}, "sh")
		ended := make(chan error)
		go func() { ended <- Find(h, "/sys", "/dev").Shell(ctx, ShellTTY, "Press Enter") }()
		synctest.Wait()
		if n := len(h.Called("run sh")); n != 3 {
			t.Errorf("started %d times", n)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestShellWithoutTerminal(t *testing.T) {
	h := machine()
	h.Answer(hosttest.Reply{Err: &host.ExitError{Code: lost}}, "sh")
	if err := Find(h, "/sys", "/dev").Shell(t.Context(), ShellTTY, ""); err == nil || len(h.Called("run sh")) != 1 {
		t.Errorf("%v, started %d times", err, len(h.Called("run sh")))
	}
}

// TestShellScript: the script itself. On a terminal that isn't there it gives up; on one that
// is, it waits for Enter, and is gone when it is over although a shell waits for a line.
func TestShellScript(t *testing.T) {
	c := &Console{host: homeless{linuxhost.New(), t.TempDir()}, dev: t.TempDir()}
	err := c.Shell(t.Context(), "tty9", "")
	var exit *host.ExitError
	if !errors.As(err, &exit) || exit.Code != lost {
		t.Fatalf("without a terminal: %v", err)
	}
	screen, terminal, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer screen.Close()
	defer terminal.Close()
	if err := os.Symlink(terminal.Name(), c.TTY("tty9")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- c.Shell(ctx, "tty9", "Press Enter here") }()
	expect(t, screen, "Press Enter here")
	io.WriteString(screen, "\n")
	io.WriteString(screen, "set -m && echo controlled by $((20+3)) && exit\n")
	expect(t, screen, "controlled by 23")
	expect(t, screen, "Press Enter here")
	io.WriteString(screen, "\n")
	io.WriteString(screen, "echo again $((20+4))\n")
	expect(t, screen, "again 24")
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// homeless keeps what this machine's own profile does out of the shell.
type homeless struct {
	*linuxhost.Host
	home string
}

func (h homeless) Run(ctx context.Context, c host.Command) error {
	c.Env = append(c.Env, "HOME="+h.home)
	return h.Host.Run(ctx, c)
}

// expect reads until there is text.
func expect(t *testing.T, from io.Reader, text string) {
	t.Helper()
	var got []byte
	for b := make([]byte, 4096); !bytes.Contains(got, []byte(text)); {
		n, err := from.Read(b)
		if err != nil {
			t.Fatalf("wait for %q: %v; read so far:\n%s", text, err, got)
		}
		got = append(got, b[:n]...)
	}
}
