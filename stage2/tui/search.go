package tui

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	tea "charm.land/bubbletea/v2"
	"golang.org/x/text/unicode/norm"
)

// search narrows a list by what is typed. All words of it have to be found,
// in any order.
type search struct {
	text  string
	begun bool  // by "/": nothing has been typed yet
	left  []int // the rows that are left, as indexes
}

// fold is s for comparing: small letters without their marks.
func fold(s string) string {
	ascii := true
	for i := 0; i < len(s); i++ {
		ascii = ascii && s[i] < 0x80
	}
	if ascii {
		return strings.ToLower(s)
	}
	return strings.ToLower(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFD.String(s)))
}

func (s *search) end() { s.text, s.begun = "", false }

// press takes what is typed; false: the key is nothing to it.
func (s *search) press(k tea.KeyPressMsg, rows []row) bool {
	active := s.text != "" || s.begun
	switch {
	case k.String() == "esc" && active:
		s.begun = false
		s.find("", rows)
	case k.String() == "backspace" && active:
		letters := []rune(s.text)
		s.find(string(letters[:max(0, len(letters)-1)]), rows)
	case k.String() == "ctrl+u" && active:
		s.find("", rows)
	case k.Text == "/" && !active:
		s.begun = true
	case k.Text == "?" && !active, k.Text == "" || k.Text == " " && !active:
		return false
	default:
		s.find(s.text+oneLine(k.Text), rows)
	}
	return true
}

func (s *search) find(text string, rows []row) {
	s.text = text
	s.over(rows)
}

// over searches rows. What begins with the words comes first.
func (s *search) over(rows []row) {
	wanted := strings.Fields(fold(s.text))
	s.left = make([]int, 0, len(rows))
	rank := make([]int, len(rows))
	for i, r := range rows {
		n, ok := match(r.found, wanted)
		if ok {
			rank[i] = n
			s.left = append(s.left, i)
		}
	}
	slices.SortStableFunc(s.left, func(a, b int) int { return cmp.Compare(rank[a], rank[b]) })
}

// match reports whether text has all words, and how far they are from what a
// person is likely to mean: 0 the text begins with them, 1 a word of it does.
func match(text string, wanted []string) (rank int, ok bool) {
	for i, w := range wanted {
		at := strings.Index(text, w)
		switch {
		case at < 0:
			return 0, false
		case at == 0 && i == 0:
		case at > 0 && (text[at-1] == ' ' || text[at-1] == '/'), strings.Contains(text, " "+w), strings.Contains(text, "/"+w):
			rank = max(rank, 1)
		default:
			rank = max(rank, 2)
		}
	}
	return rank, true
}
