// Package regional is what a person chooses from who says where the machine is:
// languages (locales), keyboard layouts and time zones, with names that people
// know, and what follows from one for the others: the keyboard and the time
// zone of a language.
//
// It reads the lists that are in stage 2's image, out of Debian's packages locales,
// xkb-data and tzdata, and applies nothing: stage2/console does so here, stage2/plan
// in the installed system.
//
// # Contract
//
// Lists are data and don't change. Everything in them can be installed: each
// locale generated, each layout made a keymap of, each zone linked to.
package regional

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// Where the lists are in stage 2's image. media/disc makes the first.
const (
	localeFile  = "usr/share/molt/locales"
	layoutFile  = "usr/share/X11/xkb/rules/base.lst"
	zoneDir     = "usr/share/zoneinfo/"
	zoneFile    = zoneDir + "zone.tab"
	linkFile    = zoneDir + "tzdata.zi"
	countryFile = zoneDir + "iso3166.tab"
)

// Lists are all there is to choose from.
type Lists struct {
	Locales []Locale // by language and country
	Layouts []Layout // by name
	Zones   []Zone   // by name
	places  map[string][]string
}

// Read reads the lists from a root, os.DirFS("/") in stage 2. A list that can't be read is empty,
// and the error says so; the others are there.
func Read(root fs.FS) (*Lists, error) {
	l := &Lists{}
	var errs [3]error
	l.Locales, errs[0] = readLocales(root)
	l.Layouts, errs[1] = readLayouts(root)
	l.Zones, l.places, errs[2] = readZones(root)
	return l, errors.Join(errs[:]...)
}

// lines are the lines of a file that aren't empty or a comment.
func lines(root fs.FS, name string) ([]string, error) {
	data, err := fs.ReadFile(root, name)
	if err != nil {
		return nil, fmt.Errorf("read what there is to choose from: %w", err)
	}
	var all []string
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimRight(line, "\r\n"); line != "" && line[0] != '#' {
			all = append(all, line)
		}
	}
	return all, nil
}

// words are what something is found by: each word as it is written, and without its
// accents, for those whose keyboard has none.
func words(texts ...string) string {
	var all []string
	for _, t := range texts {
		if t == "" {
			continue
		}
		all = append(all, t)
		if plain := unaccented(t); plain != t {
			all = append(all, plain)
		}
	}
	return strings.Join(all, " ")
}

// unaccented leaves out what Unicode has as combining marks, "Osterreich" for "Österreich".
func unaccented(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 0x300 && r < 0x370 {
			return -1
		}
		return r
	}, norm.NFD.String(s))
}
