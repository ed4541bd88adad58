package loopctl

import (
	"context"
	"testing"
)

// TestWriteOut: who writes much out gives signs of life, and one whose context has ended
// goes no further.
func TestWriteOut(t *testing.T) {
	f := file(t, "big", pattern(20<<20, 1))
	beats := 0
	if err := writeOut(t.Context(), f, func() { beats++ }); err != nil || beats != 6 {
		t.Errorf("%d signs of life, %v", beats, err)
	}
	beats = 0
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := writeOut(ctx, f, func() { beats++ }); err != nil || beats != 1 {
		t.Errorf("%d signs of life after the end, %v", beats, err)
	}
	memory, err := memoryFile("memory")
	if err != nil {
		t.Fatal(err)
	}
	defer memory.Close()
	if err := memory.Truncate(8 << 20); err != nil {
		t.Fatal(err)
	}
	if err := writeOut(t.Context(), memory, func() {}); err != nil {
		t.Error("in memory:", err)
	}
}
