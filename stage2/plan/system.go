package plan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

// system writes the host's name, language and time zone, and the console's keymap. The
// keyboard itself is among the tables: the initramfs has it.
type system struct {
	base
	hostname string
	language string
	locales  []string // besides the language
	keymap   string   // of the console, where one was named
	timezone config.Timezone
}

func (s system) Run(ctx context.Context, env *Env) error {
	for _, do := range []func(context.Context, *Env) error{s.writeHost, s.writeLocale, s.writeKeymap, s.writeTime} {
		if err := do(ctx, env); err != nil {
			return err
		}
	}
	return nil
}

func (s system) writeHost(_ context.Context, env *Env) error {
	short, _, _ := strings.Cut(s.hostname, ".")
	names := s.hostname
	if short != names {
		names += " " + short
	}
	hosts := "127.0.0.1\tlocalhost\n127.0.1.1\t" + names + "\n\n" +
		"::1\tlocalhost ip6-localhost ip6-loopback\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n"
	return errors.Join(
		etc(env, "hostname", short+"\n"),
		etc(env, "hosts", hosts))
}

// writeLocale sets the language, in both places Debian looks: systemd reads
// locale.conf, PAM reads default/locale.
func (s system) writeLocale(ctx context.Context, env *Env) error {
	lang := s.language
	switch {
	case hasProgram(env, "locale-gen"):
		if err := generateLocales(ctx, env, append([]string{lang}, s.locales...)); err != nil {
			return err
		}
	case isBuiltIn(lang):
	default:
		warn(env, "the language "+lang+" needs the package locales, which is not installed; it is C.UTF-8 for now")
		lang = "C.UTF-8"
	}
	return errors.Join(
		etc(env, "locale.conf", "LANG="+lang+"\n"),
		env.Host.MkdirAll(Target+"/etc/default", 0o755),
		env.Host.Symlink("../locale.conf", Target+"/etc/default/locale"))
}

// isBuiltIn reports whether lang needs no data: it is in the C library.
func isBuiltIn(lang string) bool { return lang == "POSIX" || lang == "C" || lang == "C.UTF-8" }

func generateLocales(ctx context.Context, env *Env, langs []string) error {
	langs = slices.DeleteFunc(langs, isBuiltIn)
	if len(langs) == 0 {
		return nil
	}
	old, err := env.Host.ReadFile(Target + "/etc/locale.gen")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the list of locales: %w", err)
	}
	if err := etc(env, "locale.gen", localeGen(string(old), langs)); err != nil {
		return err
	}
	if err := inTarget(ctx, env, "locale-gen"); err != nil {
		warn(env, "the languages "+strings.Join(langs, ", ")+" could not be generated: "+err.Error())
	}
	return nil
}

// localeGen switches langs on in a locale.gen(5): lines of a locale and its
// character set, those that are off behind "# ".
func localeGen(text string, langs []string) string {
	for _, lang := range langs {
		base, _, _ := strings.Cut(lang, "@") // sr_RS.UTF-8@latin
		_, charset, _ := strings.Cut(base, ".")
		line := lang + " " + cmp.Or(charset, "UTF-8")
		text = strings.Replace("\n"+text, "\n# "+line+"\n", "\n"+line+"\n", 1)[1:]
		if !strings.Contains("\n"+text, "\n"+line+"\n") {
			text += line + "\n"
		}
	}
	return text
}

// keyboardFile has the layout below /etc: keyboard(5).
const keyboardFile = "default/keyboard"

// keyboardText is that file, as keyboard-configuration writes it: the package takes its
// answers from the file that is there and leaves it as it is.
func keyboardText(k config.Keyboard) string {
	layout, _, _ := strings.Cut(k.Keymap, "-")
	if layout == "uk" {
		layout = "gb"
	}
	return fmt.Sprintf("XKBMODEL=\"pc105\"\nXKBLAYOUT=%q\nXKBVARIANT=%q\nXKBOPTIONS=%q\nBACKSPACE=\"guess\"\n",
		cmp.Or(k.Layout, layout, "us"), k.Variant, k.Options)
}

// keyboardKept reports whether a keyboard(5) gives the keys of want: keyboard-configuration adds
// an option of its own where there are several layouts.
func keyboardKept(is, want string) bool {
	got, asked := keyboardVars(is), keyboardVars(want)
	for _, o := range strings.Split(asked["XKBOPTIONS"], ",") {
		if !slices.Contains(strings.Split(got["XKBOPTIONS"], ","), o) && o != "" {
			return false
		}
	}
	return got["XKBLAYOUT"] == asked["XKBLAYOUT"] && got["XKBVARIANT"] == asked["XKBVARIANT"]
}

// keyboardVars reads a file of shell assignments.
func keyboardVars(text string) map[string]string {
	vars := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			vars[name] = strings.Trim(value, `"'`)
		}
	}
	return vars
}

// writeKeymap writes vconsole.conf(5).
func (s system) writeKeymap(_ context.Context, env *Env) error {
	if s.keymap == "" {
		return nil
	}
	return etc(env, "vconsole.conf", "KEYMAP="+s.keymap+"\n")
}

// writeTime links the zone, and says in adjtime(5) what the hardware clock has.
func (s system) writeTime(_ context.Context, env *Env) error {
	zone := cmp.Or(s.timezone.Zone, "Etc/UTC")
	file := "/usr/share/zoneinfo/" + zone
	if !exists(env, Target+file) && zone != "Etc/UTC" { // which is what a system without a zone has
		warn(env, "the time zone "+zone+" is not known to the new system (is tzdata installed?)")
	}
	clock := "UTC"
	if s.timezone.Zone != "" && !s.timezone.UTC {
		clock = "LOCAL"
	}
	return errors.Join(
		env.Host.Symlink(file, Target+"/etc/localtime"),
		etc(env, "timezone", zone+"\n"),
		etc(env, "adjtime", "0.0 0 0.0\n0\n"+clock+"\n"))
}

// etc writes a file below the target's /etc.
func etc(env *Env, name, text string) error {
	path := Target + "/etc/" + name
	if err := env.Host.WriteFile(path, []byte(text), 0o644); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
