// Package console is the machine's own screen and keyboard while stage 2 runs:
// the letters that it shows, the layout of the keys, and a shell on a second
// terminal. Beside that it says which letters other terminals show, those of
// serial lines and of SSH.
//
// It draws no screens (stage2/tui does), and sets up nothing in the installed
// system (stage2/plan does). The programs it runs are kbd's and console-setup's,
// as in an installed Debian, so that a keyboard that works here works there.
//
// # Contract
//
// Nothing here is needed for an installation: what fails is an error to be told of, and
// things stay as they were. A Console may be used from several goroutines.
package console

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/host"
)

// Host is what a Console needs of the machine.
type Host interface {
	host.Commands
	ReadFile(path string) ([]byte, error)
	Glob(pattern string) ([]string, error)
}

// Where the terminals are that stage 2 uses, below /dev.
const (
	MainTTY  = "tty1"
	ShellTTY = "tty2"
	LogTTY   = "tty3"
)

// Console is the machine's own screen and keyboard.
type Console struct {
	host     Host
	sys, dev string

	setting sync.Mutex // one change at a time
	mu      sync.Mutex
	letters map[rune]bool // of the font; nil: as the kernel brought it
}

// Find returns the machine's console, or nil: a machine without a screen, or one whose kernel
// has none for it, has only a dummy (drivers/tty/vt/vt.c, vtconsole in sysfs). Sys and dev
// are /sys and /dev.
func Find(h Host, sys, dev string) *Console {
	bound, err := h.Glob(path.Join(sys, "class/vtconsole/vtcon*/bind"))
	if err != nil {
		return nil
	}
	for _, file := range bound {
		is, _ := h.ReadFile(file)
		name, _ := h.ReadFile(path.Join(path.Dir(file), "name"))
		if strings.TrimSpace(string(is)) == "1" && !strings.Contains(string(name), "dummy") {
			return &Console{host: h, sys: sys, dev: dev}
		}
	}
	return nil
}

// TTY is the path of one of the console's terminals.
func (c *Console) TTY(name string) string { return path.Join(c.dev, name) }

// SetKeyboard gives the keys of all terminals a layout: the keymap is made of XKB's layouts by
// ckbcomp(1), and loaded by loadkeys(1).
func (c *Console) SetKeyboard(ctx context.Context, k config.Keyboard) error {
	if k.Layout == "" {
		return nil
	}
	c.setting.Lock()
	defer c.setting.Unlock()
	var keymap strings.Builder
	compile := []string{"ckbcomp", "-model", "pc105", "-layout", k.Layout, "-variant", k.Variant, "-option", k.Options}
	if err := c.host.Run(ctx, host.Command{Args: compile, Stdout: &keymap}); err != nil {
		return fmt.Errorf("make a keymap of the keyboard layout %s: %w", k.Layout, err)
	}
	if keymap.Len() == 0 {
		return fmt.Errorf("make a keymap of the keyboard layout %s: ckbcomp gives none", k.Layout)
	}
	load := []string{"loadkeys", "--console", c.TTY(MainTTY), "--unicode", "--quiet", "-"}
	if err := c.host.Run(ctx, host.Command{Args: aside(load), Stdin: keymap.String()}); err != nil {
		return fmt.Errorf("load the keyboard layout %s: %w", k.Layout, err)
	}
	return nil
}

// SetLanguage gives all terminals a font with the letters of a locale's language, by setfont(8).
// A language that no font of the kernel's console can hold, such as Chinese, gets
// the Latin letters.
func (c *Console) SetLanguage(ctx context.Context, locale string) error {
	c.setting.Lock()
	defer c.setting.Unlock()
	file, err := c.fontFile(fontOf(locale))
	if err != nil {
		return err
	}
	data, err := c.host.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read a font for %s: %w", locale, err)
	}
	letters, err := fontLetters(data)
	if err != nil {
		return fmt.Errorf("the font %s: %w", file, err)
	}
	for _, tty := range []string{MainTTY, ShellTTY, LogTTY} {
		err = errors.Join(err, c.host.Run(ctx, host.Command{Args: aside([]string{"setfont", "-C", c.TTY(tty), file})}))
	}
	if err != nil {
		return fmt.Errorf("set a font for %s: %w", locale, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.letters = letters
	return nil
}

// aside is a program that opens a terminal, as the child of a shell. A session's leader, which each program
// here is, would get the terminal as its own, and by its end hang it up for everyone who has it
// open (tty_open_proc_set_tty and disassociate_ctty in drivers/tty/tty_jobctrl.c).
func aside(program []string) []string {
	return append([]string{"sh", "-c", `"$@"; exit`, "sh"}, program...)
}

// Shows implements Letters for the font that is set.
func (c *Console) Shows(text string) bool {
	c.mu.Lock()
	letters := c.letters
	c.mu.Unlock()
	for _, r := range text {
		if r >= 0x80 && !letters[r] {
			return false
		}
	}
	return true
}

// Could reports whether text can be shown once SetLanguage has been called for locale.
func (c *Console) Could(locale, text string) bool {
	file, err := c.fontFile(fontOf(locale))
	if err != nil {
		return false
	}
	data, err := c.host.ReadFile(file)
	if err != nil {
		return false
	}
	letters, err := fontLetters(data)
	return err == nil && (&Console{letters: letters}).Shows(text)
}
