package tui

import (
	"fmt"
	"reflect"
	"runtime/debug"
	"slices"
	"sync"

	tea "charm.land/bubbletea/v2"
)

// hub holds the one installation that all viewers look at. What comes in is put
// into a queue, which never makes anybody wait, and taken out of it in that
// order by one goroutine. Commands run outside of it, and their results come in the same
// way: also when the viewer whose key began them has left.
type hub struct {
	in     *inbox
	closed chan struct{}
	done   chan struct{}

	mu      sync.Mutex // guards all below
	model   *model
	viewers []*viewer
	driver  *viewer // whose keys count; nil: there is no viewer
	ended   bool
	forlorn bool         // the console won't come back
	mistake func(string) // is told of mistakes in the program, with where they were
}

// What comes into the hub besides the messages of the UI's methods and of commands.
type (
	inputMsg struct { // a key or a paste at a viewer
		from *viewer
		msg  tea.Msg
	}
	driveMsg struct{ viewer *viewer } // wants to drive
	sizedMsg struct{}                 // who drives has changed, or the size of that screen
)

func newHub(m *model, mistake func(string)) *hub {
	h := &hub{in: newInbox(), closed: make(chan struct{}), done: make(chan struct{}), model: m, mistake: mistake}
	go func() {
		defer close(h.done)
		h.work()
	}()
	return h
}

func (h *hub) put(msg tea.Msg) { h.in.put(msg) }

func (h *hub) work() {
	for {
		select {
		case <-h.in.filled:
		case <-h.closed:
			return
		}
		for _, msg := range h.in.take() {
			h.step(msg)
		}
		h.tell(refreshMsg{})
	}
}

// step has the model take one message. A mistake of the program costs that
// message and no more.
func (h *hub) step(msg tea.Msg) {
	h.mu.Lock()
	defer h.mu.Unlock()
	defer h.caught()
	switch msg := msg.(type) {
	case inputMsg:
		if msg.from == h.driver {
			h.run(h.model.update(msg.msg))
		}
	case driveMsg:
		if slices.Contains(h.viewers, msg.viewer) {
			h.drive(msg.viewer)
			h.sized()
		}
	case sizedMsg:
		h.sized()
	case tea.RawMsg:
		h.tellAll(msg)
	case shellMsg:
		h.shell(msg)
	default:
		h.run(h.model.update(msg))
	}
}

// sized lets the model know the size of the screen that is worked at.
func (h *hub) sized() {
	if h.driver != nil && h.driver.size.Width > 0 {
		h.run(h.model.update(h.driver.size))
	}
}

// caught keeps a mistake from ending the installation.
func (h *hub) caught() {
	if p := recover(); p != nil {
		h.mistake(fmt.Sprintf("a mistake in the screens, please report it: %v\n%s", p, debug.Stack()))
		h.model.notice = h.model.words.T("A mistake in this program: %s", fmt.Sprint(p))
	}
}

// run starts a command.
func (h *hub) run(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	go func() {
		defer func() {
			if p := recover(); p != nil {
				h.mistake(fmt.Sprintf("a mistake behind the screens, please report it: %v\n%s", p, debug.Stack()))
				h.put(noticeMsg{h.model.words.T("A mistake in this program: %s", fmt.Sprint(p))})
			}
		}()
		h.deliver(cmd())
	}()
}

// deliver takes the result of a command, and does the commands in it: those of
// tea.Batch at once, those of tea.Sequence one after the other.
func (h *hub) deliver(msg tea.Msg) {
	if msg == nil {
		return
	}
	cmds, together := commands(msg)
	if cmds == nil {
		h.put(msg)
		return
	}
	for _, cmd := range cmds {
		switch {
		case together:
			h.run(cmd)
		case cmd != nil:
			h.deliver(cmd())
		}
	}
}

// commands are what msg is made of. Bubbletea exports the type of tea.Batch's message
// and not that of tea.Sequence's, which is a slice of commands as well.
func commands(msg tea.Msg) (cmds []tea.Cmd, together bool) {
	if batch, ok := msg.(tea.BatchMsg); ok {
		return batch, true
	}
	v := reflect.ValueOf(msg)
	if v.Kind() == reflect.Slice && v.Type().Elem() == reflect.TypeFor[tea.Cmd]() {
		return v.Convert(reflect.TypeFor[[]tea.Cmd]()).Interface().([]tea.Cmd), false
	}
	return nil, false
}

// tell passes something on to all viewers.
func (h *hub) tell(msg tea.Msg) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tellAll(msg)
}

func (h *hub) tellAll(msg tea.Msg) {
	for _, v := range h.viewers {
		v.box.put(msg)
	}
}

// add lets a viewer in. The first one drives.
func (h *hub) add(v *viewer) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended {
		return false
	}
	h.viewers = append(h.viewers, v)
	if h.driver == nil {
		h.drive(v)
	}
	h.put(sizedMsg{})
	return true
}

// remove lets a viewer go. If it drove, the console drives again, or whoever
// has been there longest. It reports whether somebody is left.
func (h *hub) remove(v *viewer) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.viewers = slices.DeleteFunc(h.viewers, func(o *viewer) bool { return o == v })
	if h.driver == v {
		var next *viewer
		for _, o := range slices.Backward(h.viewers) {
			if next == nil || o.terminal.Name == "" || next.terminal.Name != "" {
				next = o
			}
		}
		h.drive(next)
		h.put(sizedMsg{})
	}
	return len(h.viewers) > 0
}

// drive has the keys of v count. A key of theirs that was on its way may be meant for a screen of before:
// it mustn't press the button that somebody else has gone to.
func (h *hub) drive(v *viewer) {
	if p, ok := h.model.current.(disarmer); ok && v != h.driver {
		p.disarm()
	}
	h.driver = v
}

// forsake says that the console won't come back. It reports whether nobody is left.
func (h *hub) forsake() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.forlorn = len(h.viewers) > 0
	return !h.forlorn
}

// deserted reports, once, that the console won't come back and the last viewer has left.
func (h *hub) deserted() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	was := h.forlorn && len(h.viewers) == 0
	if was {
		h.forlorn = false
	}
	return was
}

// end lets nobody in any more, and stops taking messages.
func (h *hub) end() []*viewer {
	h.mu.Lock()
	viewers, first := slices.Clone(h.viewers), !h.ended
	h.ended = true
	h.mu.Unlock()
	if first {
		close(h.closed)
	}
	<-h.done
	return viewers
}

// draw is the screen as v sees it.
func (h *hub) draw(v *viewer) (text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	defer func() {
		if p := recover(); p != nil {
			h.mistake(fmt.Sprintf("a mistake in drawing a screen, please report it: %v\n%s", p, debug.Stack()))
			text = fmt.Sprint("This screen can't be drawn, by a mistake in this program: ", p)
		}
	}()
	return h.model.frame(v.size.Width, v.size.Height, h.standing(v))
}

// resize notes the size of a viewer's screen.
func (h *hub) resize(v *viewer, size tea.WindowSizeMsg) {
	h.mu.Lock()
	defer h.mu.Unlock()
	v.size = size
	if v == h.driver {
		h.put(sizedMsg{})
	}
}

// shell has the viewer that is worked at run its shell.
func (h *hub) shell(msg shellMsg) {
	if h.driver == nil || h.driver.terminal.Shell == nil {
		h.model.notice = h.model.words.T("There is no shell on this terminal.")
		return
	}
	h.driver.box.put(msg)
}

// standing is what a viewer is told of the others.
func (h *hub) standing(v *viewer) standing {
	s := standing{drives: v == h.driver, others: len(h.viewers) - 1}
	if h.driver != nil {
		s.driver = h.driver.terminal.Name
	}
	return s
}
