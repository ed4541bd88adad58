package blockfs

import "sync"

// users counts the open files. What Mount itself opened doesn't count: the kernel
// may tell of its end when others have come already.
type users struct {
	mu     sync.Mutex
	counts bool
	open   int
	empty  chan struct{} // closed while open is 0
}

func newUsers() *users {
	u := &users{empty: make(chan struct{})}
	close(u.empty)
	return u
}

// begin counts from now on.
func (u *users) begin() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.counts = true
}

// come is an open; it returns the handle that gone gets.
func (u *users) come() (handle uint64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.counts {
		return 0
	}
	if u.open == 0 {
		u.empty = make(chan struct{})
	}
	u.open++
	return 1
}

func (u *users) gone(handle uint64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if handle == 0 {
		return
	}
	if u.open--; u.open == 0 {
		close(u.empty)
	}
}

// none is closed when nobody has the file open.
func (u *users) none() <-chan struct{} {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.empty
}
