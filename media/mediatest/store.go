package mediatest

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"sync"
	"time"
)

// Fault is what goes wrong with a file, at Item.At in it.
type Fault int

const (
	None      Fault = iota
	Truncated       // it ends there, whatever its size is said to be
	Gone            // the connection breaks there, once
	GoneForGood
	Changed   // the connection breaks, and there is another file afterwards
	Hung      // nothing more comes
	Slow      // it comes slowly, from the beginning
	Forbidden // it can't be had at all
)

// Item is a file of a Store.
type Item struct {
	Data  []byte
	Fault Fault
	At    int64
}

// Store has the files of a server. Its methods can be called concurrently.
type Store struct {
	mu      sync.Mutex
	items   map[string]Item
	release chan struct{}
}

// NewStore has files without a fault.
func NewStore(files map[string][]byte) *Store {
	s := &Store{items: map[string]Item{}, release: make(chan struct{})}
	for name, data := range files {
		s.items[name] = Item{Data: data}
	}
	return s
}

// Put adds a file, or replaces one.
func (s *Store) Put(name string, it Item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items[name] = it
}

// Get is the file with that name.
func (s *Store) Get(name string) (Item, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	it, ok := s.items[name]
	return it, ok
}

// Items are all files.
func (s *Store) Items() map[string]Item {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string]Item{}
	for name, it := range s.items {
		all[name] = it
	}
	return all
}

// Close lets go of readers that hang.
func (s *Store) Close() { close(s.release) }

// etag changes with the content.
func (it Item) etag() string { return fmt.Sprintf(`"%08x"`, crc32.ChecksumIEEE(it.Data)) }

var errGone = errors.New("gone")

// reader reads a file as a server does that has its fault. It gives errGone
// where the connection is to break.
type reader struct {
	*bytes.Reader
	s    *Store
	name string
	it   Item
}

func (s *Store) reader(name string) (*reader, bool) {
	it, ok := s.Get(name)
	return &reader{bytes.NewReader(it.Data), s, name, it}, ok
}

func (r *reader) Read(p []byte) (int, error) {
	pos := r.Size() - int64(r.Len())
	switch f := r.it.Fault; {
	case f == Slow:
		p = p[:min(len(p), 64<<10)]
		r.s.pause(Stall / 40)
	case f == None || f == Forbidden || pos > r.it.At:
	case pos < r.it.At:
		p = p[:min(int64(len(p)), r.it.At-pos)]
	case f == Truncated:
		return 0, io.EOF
	case f == Hung:
		<-r.s.release
		return 0, errGone
	default:
		r.s.recover(r.name, r.it)
		return 0, errGone
	}
	return r.Reader.Read(p)
}

// recover is what a fault turns into after it was played.
func (s *Store) recover(name string, it Item) {
	switch it.Fault {
	case Gone:
		s.Put(name, Item{Data: it.Data})
	case Changed:
		s.Put(name, Item{Data: bytes.Repeat([]byte("changed "), len(it.Data)/8-1)})
	}
}

func (s *Store) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.release:
	}
}

// Bytes are n bytes that look random and are the same each time.
func Bytes(seed uint64, n int) []byte {
	data := make([]byte, n)
	source := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	source.Read(data)
	return data
}
