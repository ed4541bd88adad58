package disc

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// localeList has a line for each locale of SUPPORTED that is in UTF-8, in its order, with these
// fields between tabs: its name, then what it says of itself in LC_IDENTIFICATION and LC_ADDRESS:
// language and territory in English, lang_name and country_name in its own language. Any
// of these four can be empty. The sources of the locales are 60 times as long.
const localeList = "usr/share/molt/locales"

// stage2Parts are directories of which only what matches is kept. The modules are all that
// ckbcomp uses of perl's; rules and keycodes those of keyboards on PCs.
func stage2Parts() map[string][]string {
	return map[string][]string{
		"usr/share/consolefonts":             {"*-VGA16.psf.gz", "*-Fixed16.psf.gz", "*-Terminus32x16.psf.gz"},
		"usr/lib/x86_64-linux-gnu/perl-base": {"strict.pm", "warnings.pm"},
		"usr/share/X11/xkb":                  {"keycodes", "rules", "symbols"},
		"usr/share/X11/xkb/rules":            {"base", "base.lst"},
	}
}

// regional makes the list of the locales, and leaves of perl, the fonts and the keyboards what
// stage 2 uses.
func regional(root string) error {
	text, err := localeNames(filepath.Join(root, "usr/share/i18n"))
	if err != nil {
		return fmt.Errorf("list the locales for stage 2: %w", err)
	}
	if err := writeFile(filepath.Join(root, localeList), []byte(text)); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(root, "usr/share/i18n/locales")); err != nil {
		return fmt.Errorf("cut the sources of the locales: %w", err)
	}
	for dir, kept := range stage2Parts() {
		if err := keepOnly(filepath.Join(root, dir), kept); err != nil {
			return err
		}
	}
	return inflate(filepath.Join(root, "usr/share/consolefonts"))
}

// keepOnly removes from dir all that matches none of the patterns.
func keepOnly(dir string, patterns []string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("cut what stage 2 doesn't need: %w", err)
	}
	for _, e := range entries {
		kept := slices.ContainsFunc(patterns, func(p string) bool { ok, err := path.Match(p, e.Name()); return ok && err == nil })
		if kept {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("cut what stage 2 doesn't need: %w", err)
		}
	}
	return nil
}

// inflate unpacks the *.gz of dir: squashfs packs many small files better together.
func inflate(dir string) error {
	names, err := filepath.Glob(filepath.Join(dir, "*.gz"))
	if err != nil || len(names) == 0 {
		return fmt.Errorf("find the console's fonts in %s: there are none (%w)", dir, os.ErrNotExist)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			return fmt.Errorf("unpack a font: %w", err)
		}
		in, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return fmt.Errorf("unpack %s: %w", name, err)
		}
		font, err := io.ReadAll(in)
		if err != nil {
			return fmt.Errorf("unpack %s: %w", name, err)
		}
		if err := writeFile(strings.TrimSuffix(name, ".gz"), font); err != nil {
			return err
		}
		if err := os.Remove(name); err != nil {
			return fmt.Errorf("unpack %s: %w", name, err)
		}
	}
	return nil
}

// LocaleList is the list of the locales as stage 2's image has it, made of this machine's own
// package locales, with its path below the root.
func LocaleList() (path string, text []byte, err error) {
	list, err := localeNames("/usr/share/i18n")
	if err != nil {
		return "", nil, fmt.Errorf("list the locales of the package locales: %w", err)
	}
	return localeList, []byte(list), nil
}

// localeNames is the text of localeList for the package locales.
func localeNames(dir string) (string, error) {
	data, err := os.ReadFile(filepath.Join(dir, "SUPPORTED"))
	if err != nil {
		return "", err
	}
	var text strings.Builder
	for line := range strings.Lines(string(data)) {
		w := strings.Fields(line)
		if len(w) != 2 || w[1] != "UTF-8" {
			continue
		}
		base, modifier, _ := strings.Cut(w[0], "@")
		source := strings.TrimSuffix(base, ".UTF-8")
		if modifier != "" {
			source += "@" + modifier
		}
		said, err := localeSays(filepath.Join(dir, "locales", source))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&text, "%s\t%s\t%s\t%s\t%s\n", w[0], said["language"], said["territory"], said["lang_name"], said["country_name"])
	}
	return text.String(), nil
}

// decoded has letters for <U00D6> and the like, locale(5), with which glibc wrote those beyond ASCII
// until 2.36.
func decoded(text string) string {
	code := regexp.MustCompile(`<U([0-9A-Fa-f]{4,8})>`)
	return code.ReplaceAllStringFunc(text, func(s string) string {
		n, err := strconv.ParseUint(s[2:len(s)-1], 16, 21)
		if err != nil {
			return s
		}
		return string(rune(n))
	})
}

// localeSays reads the keywords of a locale's source that are a text on one line, locale(5).
func localeSays(file string) (map[string]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	said := map[string]string{}
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<20) // lists of characters are long lines
	for in.Scan() {
		key, rest, _ := strings.Cut(strings.ReplaceAll(in.Text(), "\t", " "), " ")
		if value, ok := strings.CutPrefix(strings.TrimSpace(rest), `"`); ok && said[key] == "" {
			value, _, _ = strings.Cut(value, `"`)
			said[key] = strings.Join(strings.Fields(decoded(value)), " ")
		}
	}
	return said, in.Err()
}
