package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBenchChoose(t *testing.T) {
	tests := []struct{ only, parts, name string }{
		{"", "screen copy memory install loopctl http kickstart screens", "tiny"},
		{"loopctl", "loopctl", "tiny-loopctl"},
		{"copy,screen", "copy screen", "tiny-copy-screen"},
	}
	for _, tt := range tests {
		b := &bench{example: "tiny"}
		parts, err := b.choose(tt.only)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, p := range parts {
			names = append(names, p.name)
		}
		if got := strings.Join(names, " "); got != tt.parts || b.name != tt.name {
			t.Errorf("%q: %s for %s", tt.only, got, b.name)
		}
	}
	for _, only := range []string{"loop", ",", "copy,", "Copy"} {
		if _, err := (&bench{}).choose(only); err == nil {
			t.Errorf("%q is taken", only)
		}
	}
}

func TestBenchSave(t *testing.T) {
	b := &bench{out: t.TempDir(), example: "tiny", name: "tiny-copy"}
	if err := os.Mkdir(filepath.Join(b.out, "bench"), 0o755); err != nil {
		t.Fatal(err)
	}
	b.figures = []figure{ratio("a", 3, "ms", 2, "b")}
	if err := b.save(conditionsNow()); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(b.out, "bench", "tiny-copy.json"))
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Kernel, Load, Time, Example string
		CPUs                        int
		Figures                     []figure
	}
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if got.Kernel == "" || len(strings.Fields(got.Load)) != 3 || got.Time == "" || got.CPUs < 1 || got.Example != "tiny" {
		t.Errorf("%+v", got)
	}
	if len(got.Figures) != 1 || got.Figures[0] != (figure{"a", 3, "ms", 2, "b", 1.5}) {
		t.Errorf("%+v", got.Figures)
	}
}
