package main

import (
	"testing"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/stage2/host/hosttest"
	"github.com/molt-installer/molt/stage2/plan"
)

// TestGreeting runs the step as the engine does.
func TestGreeting(t *testing.T) {
	h := hosttest.New()
	step := installer().Steps[0]
	if err := step.Run(t.Context(), &plan.Env{Host: h, Result: &handoff.Result{}}); err != nil {
		t.Fatal(err)
	}
	if text, _ := h.File("/target/etc/motd"); text != "hello\n" {
		t.Errorf("the greeting is %q", text)
	}
}
