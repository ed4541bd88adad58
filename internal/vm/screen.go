package vm

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
)

// Screendump writes what the VGA screen shows to a PNG file.
func (g *Guest) Screendump(ctx context.Context, path string) error {
	abs, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	return g.Execute(ctx, "screendump", map[string]string{"filename": abs, "format": "png"}, nil)
}

// keyHold is how long a key is held, in milliseconds. QEMU queues the keys, but its keyboard
// holds 16 bytes only, and a guest that draws a large screen takes its time to fetch them.
const keyHold = 100

type qcode struct {
	Type string `json:"type"`
	Data string `json:"data"`
}

// SendKeys types text on the keyboard, which is a US one. A key without a
// character is written in angle brackets, by QEMU's name and with what is
// held down with it: "<f2>", "<ctrl-alt-f2>", "<down>", "<less>" for "<" itself.
func (g *Guest) SendKeys(ctx context.Context, text string) error {
	keys, err := parseKeys(text)
	if err != nil {
		return err
	}
	for _, names := range keys {
		codes := make([]qcode, len(names))
		for i, n := range names {
			codes[i] = qcode{"qcode", n}
		}
		err := g.Execute(ctx, "send-key", map[string]any{"keys": codes, "hold-time": keyHold}, nil)
		if err != nil {
			return err
		}
	}
	return nil
}

// parseKeys turns text into presses, each the names of the keys held at once
// (QKeyCode in QEMU's qapi/ui.json).
func parseKeys(text string) ([][]string, error) {
	var keys [][]string
	for len(text) > 0 {
		if text[0] == '<' {
			name, rest, ok := strings.Cut(text[1:], ">")
			if !ok {
				return nil, fmt.Errorf("keys %q: a '<' without '>'", text)
			}
			keys, text = append(keys, named(name)), rest
			continue
		}
		k := key(rune(text[0]))
		if k == nil {
			return nil, fmt.Errorf("keys %q: no key for the first character on a US keyboard", text)
		}
		keys, text = append(keys, k), text[1:]
	}
	return keys, nil
}

func named(name string) []string {
	if name == "less" {
		return []string{"shift", "comma"}
	}
	return strings.Split(name, "-")
}

// key is how to type one ASCII character, nil if that can't be done.
func key(r rune) []string {
	const (
		plain   = " -=[]\\;'`,./\n\t\b\x1b"
		shifted = ")!@#$%^&*(_+{}|:\"~>?"
	)
	names := strings.Fields("spc minus equal bracket_left bracket_right backslash semicolon apostrophe " +
		"grave_accent comma dot slash ret tab backspace esc")
	onShift := strings.Fields("0 1 2 3 4 5 6 7 8 9 minus equal bracket_left bracket_right backslash semicolon " +
		"apostrophe grave_accent dot slash")
	switch i, j := strings.IndexRune(plain, r), strings.IndexRune(shifted, r); {
	case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
		return []string{string(r)}
	case r >= 'A' && r <= 'Z':
		return []string{"shift", string(unicode.ToLower(r))}
	case i >= 0:
		return []string{names[i]}
	case j >= 0:
		return []string{"shift", onShift[j]}
	}
	return nil
}

// Curses is the display in the terminal.
const Curses = "curses"

// FindDisplay is the best of QEMU's displays here: a window if there is a
// window system and QEMU has a part for it, else Curses.
func FindDisplay(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "qemu-system-x86_64", "-display", "help").Output()
	if err != nil {
		return "", fmt.Errorf("ask QEMU for its displays: %w", err)
	}
	has := strings.Fields(string(out))
	if os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != "" {
		for _, window := range []string{"gtk", "sdl"} {
			if slices.Contains(has, window) {
				return window, nil
			}
		}
	}
	if !slices.Contains(has, Curses) {
		return "", fmt.Errorf("QEMU has no display to show here: install qemu-system-gui, or use the serial console")
	}
	return Curses, nil
}
