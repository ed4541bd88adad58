// Package dialog is the questions of an installation as data: pages of fields,
// what each is for, what is allowed, and the answers they make.
//
// It draws nothing and reads no terminal: stage2/tui shows the pages on a screen,
// stage2/plain asks them line by line, and both get the same answers. It decides
// nothing about disks and packages either: it turns a config.Answers into
// another one, which plan.Build judges.
//
// # Contract
//
// A State is used from one goroutine, but for what is marked as taking time (Do
// and Leave), which a front end may call in the background while it shows
// that it waits and nothing else is done with the State. What a page once holds
// is there when it is entered again.
// Texts are in the language of State.Words.
package dialog

import (
	"context"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/words"
)

// State is the questions of one installation: what is known, what was decided
// before, and what has been typed so far. Passwords are in it in clear and never
// leave it.
type State struct {
	Facts Facts
	Given config.Answers // what the kickstart decided
	Words *words.Catalog

	language languageDraft
	keyboard keyboardDraft
	zone     zoneDraft
	network  networkDraft
	source   sourceDraft
	software softwareDraft
	disk     diskDraft
	accounts accountsDraft
	host     hostDraft

	entered map[string]bool // pages that a person has seen, by ID
}

// New is the state before the first question.
func New(f Facts, given config.Answers, w *words.Catalog) *State {
	s := &State{Facts: f, Given: given, Words: w, entered: map[string]bool{}}
	s.language = newLanguageDraft(s)
	s.keyboard = newKeyboardDraft(s)
	s.zone = newZoneDraft(s)
	s.network = newNetworkDraft(s)
	s.source = newSourceDraft(s)
	s.software = newSoftwareDraft(s)
	s.disk = newDiskDraft(s)
	s.accounts = newAccountsDraft(s)
	s.host = newHostDraft(s)
	return s
}

// Page is one screen of questions.
type Page struct {
	ID    string // "language"
	Title string // a text of the catalogue, to be shown by Words.T, as Help
	Help  string // what the page is for and how it is answered, in paragraphs
	// Fields are the questions as things stand. They are asked for again after
	// every change, so that one answer can bring up another question.
	Fields func(s *State) []Field
	// Leave is called before the page is left forwards: it says what is wrong
	// between the fields, and carries out what is to take effect at once. It may
	// take time; nil is nothing to do.
	Leave func(ctx context.Context, s *State) error

	// What a page of the main list has besides.
	answered func(s *State) bool // what was decided before leaves nothing to ask
	answer   func(s *State, a *config.Answers) error
	summary  func(s *State) []string
	missing  func(s *State) string // what has to be answered yet; empty: nothing
}

// Pages are all pages in their order.
func Pages() []Page {
	return []Page{
		languagePage(), keyboardPage(), zonePage(), networkPage(), sourcePage(),
		softwarePage(), diskPage(), accountsPage(), hostPage(),
	}
}

// Asked reports whether a person has to be shown p: something of it is open.
func (s *State) Asked(p Page) bool { return !p.answered(s) }

// Enter notes that a person sees p, whose answers count from now on.
func (s *State) Enter(p Page) { s.entered[p.ID] = true }

// Line is what the summary says of a page.
type Line struct {
	Page    Page
	Text    []string // what was chosen
	Missing string   // what has to be answered yet; empty: nothing
}

// Summary is all that was chosen, page by page.
func (s *State) Summary() []Line {
	var lines []Line
	for _, p := range Pages() {
		l := Line{Page: p, Text: p.summary(s)}
		if p.missing != nil {
			l.Missing = p.missing(s)
		}
		lines = append(lines, l)
	}
	return lines
}

// Answers are the given answers with what was typed. A page that nobody had to
// see and nobody saw changes nothing.
func (s *State) Answers() (config.Answers, error) {
	a := s.Given
	for _, p := range Pages() {
		if s.Asked(p) || s.entered[p.ID] {
			if err := p.answer(s, &a); err != nil {
				return a, err
			}
		}
	}
	if a.End.Action == "" {
		a.End = config.End{Action: "reboot", Eject: true}
	}
	return a, nil
}
