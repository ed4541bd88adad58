package headless

import (
	"io"
	"sync"
	"time"
)

// Queue passes writes on to another writer in the background. A write never
// waits: a serial line takes its time, and a virtio port nobody reads takes for ever.
type Queue struct {
	mu     sync.Mutex
	more   *sync.Cond
	chunks [][]byte
	closed bool
	done   chan struct{}
}

// NewQueue starts the background work for w.
func NewQueue(w io.Writer) *Queue {
	q := &Queue{done: make(chan struct{})}
	q.more = sync.NewCond(&q.mu)
	go q.work(w)
	return q
}

// Write keeps p for later. It never fails.
func (q *Queue) Write(p []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed {
		q.chunks = append(q.chunks, append([]byte(nil), p...))
		q.more.Signal()
	}
	return len(p), nil
}

// Close takes no more and waits for what is left, at most as long as grace.
func (q *Queue) Close(grace time.Duration) {
	q.mu.Lock()
	q.closed = true
	q.more.Signal()
	q.mu.Unlock()
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-q.done:
	case <-timer.C:
	}
}

func (q *Queue) work(w io.Writer) {
	defer close(q.done)
	for {
		chunk, ok := q.next()
		if !ok {
			return
		}
		if _, err := w.Write(chunk); err != nil {
			q.drop()
		}
	}
}

func (q *Queue) next() ([]byte, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.chunks) == 0 && !q.closed {
		q.more.Wait()
	}
	if len(q.chunks) == 0 {
		return nil, false
	}
	chunk := q.chunks[0]
	q.chunks = q.chunks[1:]
	return chunk, true
}

// drop forgets what a writer that has gone away would never take.
func (q *Queue) drop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.chunks = nil
}
