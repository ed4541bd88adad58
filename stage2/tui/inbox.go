package tui

import (
	"slices"
	"sync"

	tea "charm.land/bubbletea/v2"
)

// inbox is a queue of messages. Who puts never waits, who takes does.
type inbox struct {
	filled chan struct{} // there is something to take
	mu     sync.Mutex
	held   []tea.Msg
}

func newInbox() *inbox { return &inbox{filled: make(chan struct{}, 1)} }

func (b *inbox) put(msg tea.Msg) {
	b.mu.Lock()
	b.held = append(b.held, msg)
	b.mu.Unlock()
	signal(b.filled)
}

func (b *inbox) take() []tea.Msg {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.held
	b.held = nil
	return all
}

// pigeonhole is an inbox that holds one of each message at most: a viewer that
// doesn't take what it gets, because its line has stopped, costs nothing. What is
// put into it must be comparable.
type pigeonhole struct{ inbox }

func newPigeonhole() *pigeonhole { return &pigeonhole{inbox{filled: make(chan struct{}, 1)}} }

func (b *pigeonhole) put(msg tea.Msg) {
	b.mu.Lock()
	if !slices.Contains(b.held, msg) {
		b.held = append(b.held, msg)
	}
	b.mu.Unlock()
	signal(b.filled)
}
