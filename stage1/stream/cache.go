package stream

import (
	"container/list"
	"sync"
)

// cache keeps the chunks that were used last, and sees who reads on and on.
type cache struct {
	ahead chan int64 // chunks to fetch ahead

	mu      sync.Mutex
	limit   int // chunks
	window  int // chunks ahead, at most
	entries map[int64]*entry
	used    *list.List // of *entry that are ready, the one used last in front
	counts  Stats
}

// entry is a chunk that is there or on its way.
type entry struct {
	n     int64
	run   int           // how many chunks were read before it, one after the other
	ready chan struct{} // closed when data or err is set
	data  []byte
	err   error
	at    *list.Element // nil as long as it isn't ready
}

func newCache(limit, window int) *cache {
	return &cache{
		ahead: make(chan int64, 4*window), limit: max(limit, 2*window), window: window,
		entries: map[int64]*entry{}, used: list.New(),
	}
}

// get finds chunk n of count. mine says that it isn't there, and that the caller
// must fill it.
func (c *cache) get(n, count int64) (e *entry, mine bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, found := c.entries[n]
	if !found {
		e, mine = c.add(n), true
	}
	if e.at != nil {
		c.used.MoveToFront(e.at)
	}
	if before := c.entries[n-1]; before != nil {
		e.run = max(e.run, before.run+1)
	}
	// The longer somebody has been reading on, the farther ahead.
	for next := n + 1; next <= n+int64(min(e.run, c.window)) && next < count; next++ {
		if _, there := c.entries[next]; there {
			continue
		}
		select {
		case c.ahead <- next:
			c.add(next)
		default:
			return e, mine
		}
	}
	return e, mine
}

func (c *cache) add(n int64) *entry {
	e := &entry{n: n, ready: make(chan struct{})}
	c.entries[n] = e
	return e
}

// waiting is the entry of a chunk that was to be fetched ahead.
func (c *cache) waiting(n int64) *entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.entries[n]; e != nil && e.at == nil {
		return e
	}
	return nil
}

// filled makes a chunk ready. One that could not be had is forgotten: the next reader
// tries again.
func (c *cache) filled(n int64, e *entry, data []byte, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e.data, e.err = data, err
	close(e.ready)
	if err != nil {
		delete(c.entries, n)
		return
	}
	c.counts.Fetched += int64(len(data))
	e.at = c.used.PushFront(e)
	for c.used.Len() > c.limit {
		old := c.used.Remove(c.used.Back()).(*entry)
		delete(c.entries, old.n)
	}
}

// drop forgets all chunks.
func (c *cache) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.entries)
	c.used.Init()
}

func (c *cache) served(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts.Served += int64(n)
}

func (c *cache) stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counts
}
