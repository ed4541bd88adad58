package vmtest

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/molt-installer/molt/internal/vm"
	"github.com/molt-installer/molt/internal/vm/scenario"
	"github.com/molt-installer/molt/internal/vm/vmtest/glyphs"
	"github.com/molt-installer/molt/media"
)

// vgaROM is the BIOS of QEMU's VGA, of the package seabios.
const vgaROM = "/usr/share/seabios/vgabios-stdvga.bin"

// ConsoleFonts are where the image of stage 2 has those that it loads.
const ConsoleFonts = "usr/share/consolefonts"

// VGA reads the screen of a guest off its picture, with the fonts that can be on it:
// that of the VGA BIOS, and those of the set's stage 2.
type VGA struct {
	fonts []*glyphs.Font
	kept  int
}

// NewVGA makes a reader of the screens of a set.
func NewVGA(t testing.TB, set *scenario.Set) *VGA {
	t.Helper()
	Need(t, "unsquashfs")
	rom := must(os.ReadFile(vgaROM))(t)
	v := &VGA{fonts: []*glyphs.Font{must(glyphs.ParseROM("VGA BIOS", rom))(t)}}
	dir := filepath.Join(t.TempDir(), "image")
	image := filepath.Join(set.Dir, "netboot", media.ImagePath)
	if err := run(t.Context(), "", "unsquashfs", "-quiet", "-no-progress", "-dest", dir, image, ConsoleFonts); err != nil {
		t.Fatalf("take the console's fonts out of %s: %v", image, err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, ConsoleFonts, "*.psf*"))
	for _, file := range files {
		v.fonts = append(v.fonts, must(readFont(file))(t))
	}
	return v
}

func readFont(file string) (*glyphs.Font, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var in io.Reader = f
	if strings.HasSuffix(file, ".gz") {
		if in, err = gzip.NewReader(f); err != nil {
			return nil, fmt.Errorf("font %s: %w", file, err)
		}
	}
	data, err := io.ReadAll(in)
	if err != nil {
		return nil, fmt.Errorf("font %s: %w", file, err)
	}
	return glyphs.ParsePSF(filepath.Base(file), data)
}

// look takes a picture, which is at path then, and reads it. The font that it was read with is
// tried first the next time.
func (v *VGA) look(ctx context.Context, g *vm.Guest, path string) (glyphs.Text, error) {
	if err := g.Screendump(ctx, path); err != nil {
		return glyphs.Text{}, err
	}
	f, err := os.Open(path)
	if err != nil {
		return glyphs.Text{}, err
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		return glyphs.Text{}, fmt.Errorf("read the picture %s: %w", path, err)
	}
	text := glyphs.Read(img, v.fonts)
	if i := slices.Index(v.fonts, text.Font); i > 0 {
		v.fonts = slices.Insert(slices.Delete(slices.Clone(v.fonts), i, i+1), 0, text.Font)
	}
	return text, nil
}

// between is the time from one look at the screen to the next. QEMU tells nobody of
// changes of a VGA's picture, so one has to look; taking and reading it costs it 20 ms.
const between = 250 * time.Millisecond

// errLookAgain ends a pause.
var errLookAgain = errors.New("time to look again")

// WaitVGA waits until the VGA screen shows all of want, and every cell of it can be
// read. It returns what is there. The last picture is kept with the guest's files.
func (r *Run) WaitVGA(v *VGA, want ...string) string {
	r.t.Helper()
	path := r.Guest.File("screen.png")
	for {
		text, err := v.look(r.ctx, r.Guest, path)
		missing := firstMissing(text.String(), want)
		if err == nil && missing == "" && text.Unknown == 0 {
			return text.String()
		}
		if err == nil {
			err = pause(r.ctx, r.Guest)
		}
		if err != nil {
			r.t.Fatalf("no %q on the screen, or one that can't be read: %d cells are no glyph of %s.\nThe picture is %s (kept with MOLT_GUEST_LOGS); it was read as\n%s\n%v",
				missing, text.Unknown, v, path, text, err)
		}
	}
}

// pause waits for the time of the next look, or the guest's end.
func pause(ctx context.Context, g *vm.Guest) error {
	brief, cancel := context.WithTimeoutCause(ctx, between, errLookAgain)
	defer cancel()
	err := g.Await(brief, "look at the screen", func(vm.State) bool { return false })
	if errors.Is(err, errLookAgain) {
		return nil
	}
	return err
}

// String names the fonts, the one that was read with last first.
func (v *VGA) String() string {
	var names []string
	for _, f := range v.fonts {
		names = append(names, f.Name)
	}
	return strings.Join(names, ", ")
}

// Keep keeps the picture that WaitVGA saw last, by a name, and says where.
func (r *Run) Keep(v *VGA, name string) string {
	r.t.Helper()
	v.kept++
	path := r.Guest.File(fmt.Sprintf("screen-%02d-%s.png", v.kept, name))
	data := must(os.ReadFile(r.Guest.File("screen.png")))(r.t)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		r.t.Fatal(err)
	}
	return path
}

// Press presses keys of the machine's keyboard, as vm.SendKeys writes them.
func (r *Run) Press(keys string) {
	r.t.Helper()
	if err := r.Guest.SendKeys(r.ctx, keys); err != nil {
		r.t.Fatal(err)
	}
}
