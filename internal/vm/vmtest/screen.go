package vmtest

import (
	"io"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/hinshun/vt10x"

	"github.com/molt-installer/molt/internal/vm"
	"github.com/molt-installer/molt/stage2/event"
)

// Screen is a terminal at the other end of a guest's serial line: give
// it as Scenario.Console. It shows what a person would see, whatever order
// the program drew it in.
type Screen struct {
	mu   sync.Mutex
	term vt10x.Terminal
}

// NewScreen makes an empty one of 80×24.
func NewScreen() *Screen { return newScreen(80, 24) }

func newScreen(columns, rows int) *Screen {
	return &Screen{term: vt10x.New(vt10x.WithSize(columns, rows))}
}

// Write takes what the serial line says.
func (s *Screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.term.Write(p)
	return len(p), nil
}

// Text is what the screen shows.
func (s *Screen) Text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.term.String()
}

// WaitScreen waits until the screen shows all of want.
func (r *Run) WaitScreen(s *Screen, want ...string) {
	r.t.Helper()
	var text, missing string
	err := r.Guest.Await(r.ctx, "see the screen", func(vm.State) bool {
		text = s.Text()
		missing = firstMissing(text, want)
		return missing == ""
	})
	if err != nil {
		r.t.Fatalf("no %q on the screen:\n%s\n%v", missing, text, err)
	}
}

func firstMissing(text string, want []string) string {
	for _, w := range want {
		if !strings.Contains(text, w) {
			return w
		}
	}
	return ""
}

// Type types on the serial line.
func (r *Run) Type(keys string) {
	r.t.Helper()
	if err := r.Guest.Console().Send(keys); err != nil {
		r.t.Fatal(err)
	}
}

// Finish follows the installation until it says that it is done.
func (r *Run) Finish() {
	r.t.Helper()
	if err := r.Follow(r.ctx); err != nil {
		r.t.Fatal(err)
	}
}

// Until follows the installation until an event is what is waited for.
func (r *Run) Until(is func(event.Event) bool) {
	r.t.Helper()
	if err := r.FollowUntil(r.ctx, is); err != nil {
		r.t.Fatal(err)
	}
}

// PoweredOff waits until the machine has powered itself off.
func (r *Run) PoweredOff(t testing.TB) {
	t.Helper()
	if err := r.Off(r.ctx); err != nil {
		t.Fatal(err)
	}
}

// WaitFor waits for an event of a type.
func (r *Run) WaitFor(typ event.Type) {
	r.t.Helper()
	if _, err := r.Guest.WaitEvent(r.ctx, func(e map[string]any) bool { return e["type"] == string(typ) }); err != nil {
		r.t.Fatal(err)
	}
}

// Link plugs the cable of network card i in, or out.
func (r *Run) Link(i int, up bool) {
	r.t.Helper()
	if err := r.Guest.SetLink(r.ctx, i, up); err != nil {
		r.t.Fatal(err)
	}
}

// FirstBytes are the first n bytes of the target disk.
func (r *Run) FirstBytes(n int) []byte {
	r.t.Helper()
	f := must(os.Open(r.Disk))(r.t)
	defer f.Close()
	data := make([]byte, n)
	must(io.ReadFull(f, data))(r.t)
	return data
}
