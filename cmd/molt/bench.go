package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"
)

// figure is one measured number. Other, when it isn't 0, is the same measured
// of something run beside it, and Ratio is Value to Other.
type figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	Other float64 `json:"other,omitempty"`
	Than  string  `json:"than,omitempty"`
	Ratio float64 `json:"ratio,omitempty"`
}

func ratio(name string, value float64, unit string, other float64, than string) figure {
	return figure{name, value, unit, other, than, value / other}
}

// bench is one run of all measurements.
type bench struct {
	out, example string
	dir          string
	log          io.Writer
	figures      []figure
}

// runBench is "molt bench". Figures go to build/bench/EXAMPLE.json and, as a
// table, to the terminal; nothing is judged.
func runBench(ctx context.Context, args []string, s streams) error {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(s.err)
	out := f.String("o", "build", "`directory` of what was built")
	only := f.String("only", "", "`names` of parts to run, separated by commas: screen, copy, memory, install")
	if err := f.Parse(args); err != nil {
		return err
	}
	b := &bench{out: *out, example: cmp.Or(f.Arg(0), "debian"), log: s.err}
	b.dir = filepath.Join(*out, "bench", "work")
	defer os.RemoveAll(b.dir)
	if err := b.measure(ctx, *only); err != nil {
		return err
	}
	if err := b.save(); err != nil {
		return err
	}
	return writeFigures(s.out, b.figures)
}

// measure runs the parts. One that fails doesn't keep the others from running.
func (b *bench) measure(ctx context.Context, only string) error {
	parts := []struct {
		name string
		run  func(context.Context) error
	}{
		{"screen", b.firstScreen}, {"copy", b.imageCopy}, {"memory", b.smallestMemory}, {"install", b.installation},
	}
	var failed []error
	for _, p := range parts {
		if only != "" && !strings.Contains(","+only+",", ","+p.name+",") {
			continue
		}
		fmt.Fprintf(b.log, "bench: %s\n", p.name)
		if err := os.MkdirAll(b.dir, 0o755); err != nil {
			return err
		}
		if err := p.run(ctx); err != nil {
			failed = append(failed, fmt.Errorf("bench %s: %w", p.name, err))
		}
	}
	return errors.Join(failed...)
}

func (b *bench) add(f figure) {
	fmt.Fprintf(b.log, "  %s: %.2f %s\n", f.Name, f.Value, f.Unit)
	b.figures = append(b.figures, f)
}

func (b *bench) save() error {
	data, err := json.MarshalIndent(struct {
		Time    time.Time `json:"time"`
		Example string    `json:"example"`
		Figures []figure  `json:"figures"`
	}{time.Now().UTC(), b.example, b.figures}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(b.out, "bench", b.example+".json"), append(data, '\n'), 0o644)
}

func writeFigures(w io.Writer, figures []figure) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, f := range figures {
		beside := ""
		if f.Other != 0 {
			beside = fmt.Sprintf("%.2f × %s (%.2f %s)", f.Ratio, f.Than, f.Other, f.Unit)
		}
		fmt.Fprintf(t, "%s\t%.2f\t%s\t%s\n", f.Name, f.Value, f.Unit, beside)
	}
	return t.Flush()
}
