package tui

import "testing"

// TestHandedOver: a button that can't be taken back, and that somebody has gone to, isn't pressed by
// the first key of who drives from then on: that person may not have seen it.
func TestHandedOver(t *testing.T) {
	for how, change := range map[string]func(h *hub, from, to *viewer){
		"taken over":      func(h *hub, _, to *viewer) { h.step(driveMsg{to}) },
		"the line is cut": func(h *hub, from, _ *viewer) { h.remove(from) },
		"nobody was left": func(h *hub, from, to *viewer) { h.remove(to); h.remove(from); h.add(to) },
	} {
		for what, keys := range map[string][]string{"install": {"<right>"}, "leave": {"<right>", "<ctrl-c>", "<right>"}} {
			t.Run(what+", "+how, func(t *testing.T) {
				a := newAsking(t, testState(testFacts(), complete()))
				a.keys("<end>", "<enter>")
				m := newModel("Debian 13")
				m.current, m.asking = a.part, &askMsg{left: make(chan struct{}, 1)}
				h := newHub(m, func(text string) { t.Error(text) })
				t.Cleanup(func() { h.end() })
				from, to := &viewer{hub: h, box: newPigeonhole()}, &viewer{hub: h, box: newPigeonhole()}
				h.add(from)
				for _, k := range keys {
					h.step(inputMsg{from, pressed(k)[0]})
				}
				h.add(to)
				h.step(driveMsg{from}) // who drives already changes nothing
				if !armed(h) {
					t.Fatal("the test is none: Enter would do nothing")
				}
				change(h, from, to)
				if armed(h) {
					t.Error("Enter would do it")
				}
				h.step(inputMsg{to, pressed("<enter>")[0]})
				h.mu.Lock()
				defer h.mu.Unlock()
				if len(a.reply) > 0 || h.model.current != a.part || (a.ask.over == nil) != (what == "install") {
					t.Errorf("it was done, or Enter isn't %s's: %T over %T", what, h.model.current, a.ask.over)
				}
			})
		}
	}
}

// armed reports whether Enter would do what can't be taken back.
func armed(h *hub) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch p := h.model.current.(type) {
	case *leave:
		return p.sure
	case *ask:
		c, ok := p.over.(*confirm)
		return ok && c.second
	}
	return false
}
