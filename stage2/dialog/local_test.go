package dialog

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/regional"
	"github.com/molt-installer/molt/stage2/words"
)

// world has a few of each list.
func world() *regional.Lists {
	return &regional.Lists{
		Locales: []regional.Locale{
			{Name: "en_US.UTF-8", Language: "English", Country: "United States", Native: "English", Home: "United States"},
			{Name: "de_AT.UTF-8", Language: "German", Country: "Austria", Native: "Deutsch", Home: "Österreich"},
			{Name: "ru_RU.UTF-8", Language: "Russian", Country: "Russia", Native: "русский", Home: "Россия"},
		},
		Layouts: []regional.Layout{
			{Code: "us", Name: "English (US)", Variants: []regional.Variant{{Code: "dvorak", Name: "English (Dvorak)"}}},
			{Code: "de", Name: "German", Variants: []regional.Variant{{Code: "nodeadkeys", Name: "German (no dead keys)"}}},
			{Code: "ru", Name: "Russian"},
		},
		Zones: []regional.Zone{{Name: "Etc/UTC"}, {Name: "Europe/Berlin"}, {Name: "Europe/Vienna"}},
	}
}

// spot records what takes effect.
type spot struct {
	languages []string
	keyboards []config.Keyboard
	fails     error
}

func (p *spot) local() Local {
	return Local{
		Language: func(_ context.Context, locale string) { p.languages = append(p.languages, locale) },
		Keyboard: func(_ context.Context, k config.Keyboard) error { p.keyboards = append(p.keyboards, k); return p.fails },
		Shows:    func(text string) bool { return !strings.Contains(text, "р") },
		Readable: func(locale, _ string) bool { return locale != "ru_RU.UTF-8" },
	}
}

// field is the field of a page with a key; nil when there is none now.
func field(s *State, p Page, key string) Field {
	for _, f := range p.Fields(s) {
		switch f := f.(type) {
		case Choice:
			if f.Key == key {
				return f
			}
		case Text:
			if f.Key == key {
				return f
			}
		case Yes:
			if f.Key == key {
				return f
			}
		case Button:
			if f.Key == key {
				return f
			}
		case Note:
			if key == "note" {
				return f
			}
		}
	}
	return nil
}

// pick chooses an option of a Choice, as a front end does.
func pick(t *testing.T, s *State, p Page, key, value string) {
	t.Helper()
	c, ok := field(s, p, key).(Choice)
	if !ok || !slices.ContainsFunc(c.Options, func(o Option) bool { return o.Value == value }) {
		t.Fatalf("page %s has no %s to choose in %s", p.ID, value, key)
	}
	*c.Value = value
	if c.Changed != nil {
		c.Changed()
	}
}

func TestLanguageTakesEffect(t *testing.T) {
	p := &spot{}
	s := New(Facts{Regions: world(), Local: p.local()}, config.Answers{}, words.Open("en"))
	page := languagePage()
	if got := page.summary(s); got[0] != "English (United States)" {
		t.Errorf("begins with %q", got)
	}
	pick(t, s, page, "locale", "de_AT.UTF-8")
	if err := page.Leave(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if s.Words.Language() != "de" {
		t.Errorf("the interface speaks %s", s.Words.Language())
	}
	if d := cmp.Diff([]string{"de_AT.UTF-8"}, p.languages); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]config.Keyboard{{Layout: "de"}}, p.keyboards); d != "" {
		t.Error(d)
	}
	if got := page.summary(s); got[0] != "German (Austria), Deutsch (Österreich)" {
		t.Errorf("summary %q", got)
	}
	pick(t, s, page, "locale", "ru_RU.UTF-8")
	if err := page.Leave(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if s.Words.Language() != "en" {
		t.Error("the interface speaks what can't be read")
	}
	if got := page.summary(s); got[0] != "Russian (Russia)" {
		t.Errorf("summary %q, with letters that can't be shown", got)
	}
	a := regionOf(t, s)
	if a.Language != "ru_RU.UTF-8" || a.Keyboard != (config.Keyboard{Layout: "us,ru", Options: "grp:alt_shift_toggle"}) {
		t.Errorf("answers %+v %+v", a.Language, a.Keyboard)
	}
}

// TestGuessesGiveWay: what was chosen stays when the language changes once more.
func TestGuessesGiveWay(t *testing.T) {
	s := New(Facts{Regions: world(), Local: (&spot{}).local()}, config.Answers{}, words.Open("en"))
	pick(t, s, languagePage(), "locale", "de_AT.UTF-8")
	pick(t, s, keyboardPage(), "layout", "us")
	pick(t, s, keyboardPage(), "variant", "dvorak")
	pick(t, s, zonePage(), "zone", "Europe/Berlin")
	pick(t, s, languagePage(), "locale", "ru_RU.UTF-8")
	a := regionOf(t, s)
	if a.Keyboard != (config.Keyboard{Layout: "us", Variant: "dvorak"}) || a.Timezone != (config.Timezone{Zone: "Europe/Berlin", UTC: true}) {
		t.Errorf("%+v %+v", a.Keyboard, a.Timezone)
	}
	given := config.Answers{Language: "de_AT.UTF-8", Keyboard: config.Keyboard{Layout: "fr,de,us", Options: "grp:toggle"}, Timezone: config.Timezone{Zone: "Asia/Tokyo"}}
	s = New(Facts{Regions: world(), Local: (&spot{}).local()}, given, words.Open("en"))
	pick(t, s, languagePage(), "locale", "ru_RU.UTF-8")
	for _, p := range []Page{languagePage(), keyboardPage(), zonePage()} {
		if s.Asked(p) {
			t.Errorf("%s is asked although it was given", p.ID)
		}
		s.Enter(p)
	}
	if a := regionOf(t, s); a.Keyboard != given.Keyboard || a.Timezone != given.Timezone {
		t.Errorf("%+v %+v", a.Keyboard, a.Timezone)
	}
}

func TestKeyboardFields(t *testing.T) {
	p := &spot{}
	s := New(Facts{Regions: world(), Local: p.local()}, config.Answers{}, words.Open("en"))
	page := keyboardPage()
	if field(s, page, "american") != nil {
		t.Error("English (US) besides itself")
	}
	pick(t, s, page, "layout", "de")
	pick(t, s, page, "variant", "nodeadkeys")
	*field(s, page, "american").(Yes).Value = true
	want := config.Keyboard{Layout: "us,de", Variant: ",nodeadkeys", Options: "grp:alt_shift_toggle"}
	if _, err := field(s, page, "load").(Button).Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := page.Leave(t.Context(), s); err != nil { // it has been loaded already
		t.Fatal(err)
	}
	if d := cmp.Diff([]config.Keyboard{want}, p.keyboards); d != "" {
		t.Error(d)
	}
	if got := page.summary(s); got[0] != "English (US), German (no dead keys)" {
		t.Errorf("summary %q", got)
	}
	pick(t, s, page, "layout", "ru")
	if field(s, page, "variant") != nil {
		t.Error("a variant of a layout that has none")
	}
	p.fails = errors.New("no such keys")
	if err := page.Leave(t.Context(), s); err != nil {
		t.Error("a layout that can't be loaded keeps the person on the page")
	}
	if n, ok := field(s, page, "note").(Note); !ok || !strings.Contains(n.Text, "no such keys") {
		t.Errorf("the page doesn't say what went wrong: %+v", n)
	}
}

// TestElsewhere: over a serial line there is nothing to load and to try.
func TestElsewhere(t *testing.T) {
	s := New(Facts{Regions: world()}, config.Answers{}, words.Open("en"))
	if field(s, keyboardPage(), "try") != nil || field(s, keyboardPage(), "load") != nil {
		t.Error("keys of another machine are to be tried")
	}
	pick(t, s, languagePage(), "locale", "de_AT.UTF-8")
	if err := languagePage().Leave(t.Context(), s); err != nil || s.Words.Language() != "de" {
		t.Errorf("%v, %s", err, s.Words.Language())
	}
}

// TestWithoutLists: it can be typed then.
func TestWithoutLists(t *testing.T) {
	s := New(Facts{}, config.Answers{}, words.Open("en"))
	for page, key := range map[string]string{"language": "locale", "keyboard": "layout", "timezone": "zone"} {
		i := slices.IndexFunc(Pages(), func(p Page) bool { return p.ID == page })
		if text, ok := field(s, Pages()[i], key).(Text); !ok || *text.Value == "" {
			t.Errorf("%s: %+v", page, text)
		}
	}
	a := regionOf(t, s)
	if a.Language != "C.UTF-8" || a.Keyboard.Layout != "us" || a.Timezone.Zone != "Etc/UTC" {
		t.Errorf("%+v", a)
	}
}

// regionOf is what the three pages answer.
func regionOf(t *testing.T, s *State) config.Answers {
	t.Helper()
	var a config.Answers
	for _, p := range []Page{languagePage(), keyboardPage(), zonePage()} {
		if err := p.answer(s, &a); err != nil {
			t.Fatal(err)
		}
	}
	return a
}
