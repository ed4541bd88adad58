package stage2

import (
	"context"
	"fmt"
	"sync"

	"github.com/molt-installer/molt/stage2/machine"
)

// looked is the machine as it was found last: a person who plugs a disk in or out has it
// looked at again. Plans are made for what was found last.
type looked struct {
	probe func(context.Context) (machine.Machine, error)
	mu    sync.Mutex
	found machine.Machine
}

func (l *looked) now() machine.Machine {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.found
}

// again looks once more. When that fails, what was found before still holds.
func (l *looked) again(ctx context.Context) (machine.Machine, error) {
	m, err := l.probe(ctx)
	if err != nil {
		return l.now(), fmt.Errorf("look at the machine again: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.found = m
	return m, nil
}
