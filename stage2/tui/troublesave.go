package tui

import (
	"context"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"
)

// Logs is how the logs can be taken along. It is called outside of the drawing loop.
type Logs interface {
	// Places are where they can be saved now. It looks anew each time: a stick
	// can be put in.
	Places(ctx context.Context) ([]Place, error)
	// Save saves them at a place, or puts them at an http or https URL, and says
	// in words where they are.
	Save(ctx context.Context, where string) (string, error)
}

// Place is one to save the logs at.
type Place struct {
	Key   string // for Save
	Label string // "/dev/sdb1: vfat \"STICK\", 7.5 GiB"
}

// saving is the choice of a place, and what came of it.
type saving struct {
	logs   Logs
	work   *work
	places []Place
	failed error  // of looking for places
	busy   string // what is going on; empty: a choice can be made
	cancel context.CancelFunc
	round  int // tells what is going on from what was stopped
	at     int
	url    *textinput.Model // nil: no URL is being typed
	result string
	left   bool
	writes bool // what is going on can't be dropped: it ends by itself, soon after it was stopped
	halted bool // it was stopped
}

// Results of what is done in the background.
type (
	placesMsg struct {
		round  int
		places []Place
		err    error
	}
	savedMsg struct {
		round int
		where string
		err   error
	}
)

func newSaving(logs Logs, w *work) *saving { return &saving{logs: logs, work: w} }

func (s *saving) begin(what string) context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	s.busy, s.cancel, s.result = what, cancel, ""
	return ctx
}

// look looks for places.
func (s *saving) look() tea.Cmd {
	ctx := s.begin(s.work.say.T("Looking for USB sticks ..."))
	logs, round := s.logs, s.round
	return func() tea.Msg {
		places, err := logs.Places(ctx)
		return placesMsg{round, places, err}
	}
}

func (s *saving) save(where string) tea.Cmd {
	ctx := s.begin(s.work.say.T("Saving ..."))
	s.writes = true
	logs, round := s.logs, s.round
	return func() tea.Msg {
		text, err := logs.Save(ctx, where)
		return savedMsg{round, text, err}
	}
}

func (s *saving) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case placesMsg:
		if msg.round == s.round {
			s.done()
			s.places, s.failed, s.at = msg.places, msg.err, 0
		}
	case savedMsg:
		if msg.round == s.round {
			halted := s.halted
			s.done()
			if s.tell(msg); halted && msg.err != nil {
				s.result = s.work.say.T("Stopped.")
			}
		}
	case tea.KeyPressMsg:
		return s.key(msg)
	case tea.PasteMsg:
		if s.url != nil {
			s.typed(msg)
		}
	}
	return nil
}

func (s *saving) done() {
	if s.cancel != nil {
		s.cancel()
	}
	s.busy, s.cancel, s.writes, s.halted = "", nil, false, false
	s.round++ // what still comes of it is nobody's any more
}

func (s *saving) tell(msg savedMsg) {
	if msg.err != nil {
		s.result = s.work.say.T("They could not be saved: %s", plainText(msg.err.Error()))
		return
	}
	s.result = s.work.say.T("Saved: %s", plainText(msg.where))
}

func (s *saving) key(msg tea.KeyPressMsg) tea.Cmd {
	key := msg.String()
	switch {
	case key == "esc" && s.writes: // the stick is in use until it has really ended
		s.cancel()
		s.busy, s.halted = s.work.say.T("Stopping ..."), true
	case key == "esc" && s.busy != "":
		s.done()
		s.result = s.work.say.T("Stopped.")
	case s.busy != "":
	case s.url != nil:
		return s.urlKey(msg)
	case key == "esc", key == "q":
		s.left = true
	default:
		return s.menuKey(key)
	}
	return nil
}

func (s *saving) menuKey(key string) tea.Cmd {
	n := len(s.items())
	switch key {
	case "up", "k", "shift+tab":
		s.at = (s.at + n - 1) % n
	case "down", "j", "tab":
		s.at = (s.at + 1) % n
	case "enter":
		switch i := s.at - len(s.places); {
		case i < 0:
			return s.save(s.places[s.at].Key)
		case i == 0:
			s.ask()
		case i == 1:
			return s.look()
		default:
			s.left = true
		}
	}
	return nil
}

// ask has a URL typed.
func (s *saving) ask() {
	in := textinput.New()
	in.SetWidth(60)
	in.CharLimit = 2000
	in.Prompt = "> "
	in.Focus()
	in.SetValue("http://")
	in.CursorEnd()
	s.url, s.result = &in, ""
}

func (s *saving) urlKey(msg tea.KeyPressMsg) tea.Cmd {
	switch msg.String() {
	case "esc":
		s.url = nil
	case "enter":
		url := s.url.Value()
		s.url = nil
		return s.save(url)
	default:
		s.typed(msg)
	}
	return nil
}

// typed leaves out the command that makes the cursor blink: that costs a serial line bytes.
func (s *saving) typed(msg tea.Msg) {
	in, _ := s.url.Update(msg)
	s.url = &in
}

// items are the places and what else can be done.
func (s *saving) items() [][2]string {
	var items [][2]string
	for _, p := range s.places {
		items = append(items, [2]string{plainLine(p.Label), ""})
	}
	say := s.work.say
	return append(items, [2]string{say.T("To a server"), "by HTTP: PUT, or POST where that is not taken"},
		[2]string{say.T("Look again"), "after a USB stick has been put in"}, [2]string{say.T("Back"), ""})
}

func (s *saving) view(width, height int) string {
	say, styles := s.work.say, s.work.styles
	var lines []string
	add := func(text string, style func(...string) string) {
		for _, line := range wrapped(text, width) {
			lines = append(lines, style(line))
		}
	}
	if s.result != "" {
		add(s.result, styles.title.Render)
		lines = append(lines, "")
	}
	switch {
	case s.busy != "":
		add(s.busy, asIs)
	case s.url != nil:
		add(say.T("The URL to put them to. One that ends in / gets the name of the file added:"), asIs)
		lines = append(lines, "", fit(s.url.View(), width))
	default:
		add(say.T("Save the logs where? They hold no passwords. Only removable disks are offered, never one that is installed to."), asIs)
		if s.failed != nil {
			add(plainText(s.failed.Error()), styles.bad.Render)
		} else if len(s.places) == 0 {
			add(say.T("There is no removable disk with a file system that can be written to."), asIs)
		}
		lines = append(lines, "")
		menu := menuLines(s.items(), s.at, width, s.work)
		room := max(height-len(lines), 3)
		lines = append(lines[:min(len(lines), height-min(room, len(menu)))], around(menu, s.at, room)...)
	}
	return fillLines(lines, width, height)
}

func (s *saving) keys() string {
	say := s.work.say
	switch {
	case s.halted:
		return ""
	case s.busy != "":
		return say.T("Esc stop")
	case s.url != nil:
		return say.T("Enter save   Esc back")
	}
	return say.T("Up/Down choose   Enter go on   Esc back")
}
