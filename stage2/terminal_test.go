package stage2

import (
	"bufio"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/creack/pty"
)

// TestOwnTerminal: a rescue's questions and its shell on a real terminal.
func TestOwnTerminal(t *testing.T) {
	far, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	defer tty.Close()
	own := ownTerminal{tty, tty}
	if _, err := far.WriteString("2\nexpr 6 '*' 7; exit 3\n"); err != nil {
		t.Fatal(err)
	}
	if line, err := own.ReadLine(t.Context()); line != "2" || err != nil {
		t.Errorf("read %q, %v", line, err)
	}
	if err := own.Shell(t.Context()); err != nil {
		t.Errorf("a shell that ends with status 3: %v", err)
	}
	for out := bufio.NewScanner(far); ; {
		if !out.Scan() {
			t.Fatalf("the shell's output has no 42: %v", out.Err())
		}
		if strings.HasSuffix(strings.TrimSpace(out.Text()), "42") { // behind what a line editor sends
			break
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { _, err := own.ReadLine(ctx); ended <- err }()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("a question that is taken back: %v", err)
	}
	if err := own.Shell(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a shell after the end: %v", err)
	}
}
