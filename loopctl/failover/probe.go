package failover

import (
	"context"
	"fmt"
	"time"
)

// probeBytes is the most that a probe reads, unless the answer is to be checked.
const probeBytes = 4096

// watch probes the source while it isn't well.
func (m *member) watch() {
	for {
		select {
		case <-m.reader.life.Done():
			return
		case <-m.sick:
			m.nurse()
		}
	}
}

// nurse probes until the source is well.
func (m *member) nurse() {
	for m.pause() {
		if err := m.probe(m.reader.life); err != nil {
			m.stillDown(err)
			continue
		}
		m.mu.Lock()
		m.heal()
		m.mu.Unlock()
	}
}

// pause waits until it is time to probe; false if there is nothing to probe any more.
func (m *member) pause() bool {
	m.mu.Lock()
	hold, down := m.breaker.hold(), m.breaker.state != Closed
	m.mu.Unlock()
	if !down {
		return false
	}
	timer := time.NewTimer(hold)
	defer timer.Stop()
	select {
	case <-m.reader.life.Done():
		return false
	case <-timer.C:
	case <-m.kick:
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.breaker.state == Closed {
		return false
	}
	m.breaker.state = HalfOpen
	return true
}

// probe asks for the size, and for what the source failed to read last: a bad sector
// or a cut file is not healed by its first bytes.
func (m *member) probe(ctx context.Context) error {
	size, err := m.sizeNow(ctx)
	if err != nil {
		return err
	}
	if size != m.reader.size {
		return fmt.Errorf("%w: it has %d bytes, not %d", ErrChanged, size, m.reader.size)
	}
	where := m.crucial()
	if where.n == 0 {
		return nil
	}
	return m.read(ctx, m.reader.options.Deadline, make([]byte, where.n), where.off, nil)
}

// crucial is what a probe reads.
func (m *member) crucial() place {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.lost
	if p.n == 0 { // never asked: its last bytes, which a cut copy lacks
		n := min(probeBytes, m.reader.size)
		p = place{m.reader.size - n, int(n)}
	}
	if m.reader.options.Check == nil {
		p.n = min(p.n, probeBytes)
	}
	return p
}

// stillDown takes down a failed probe.
func (m *member) stillDown(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.reader.life.Err() != nil {
		return
	}
	m.note(err)
	m.breaker.failure(time.Now(), err)
}
