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
	"runtime"
	"slices"
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
	name         string // of the file of figures
	dir          string
	log          io.Writer
	figures      []figure
}

// runBench is "molt bench". Figures go to build/bench/EXAMPLE.json (EXAMPLE-PARTS.json
// when only some are measured) and, as a table, to the terminal; nothing is judged.
func runBench(ctx context.Context, args []string, s streams) error {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(s.err)
	out := f.String("o", "build", "`directory` of what was built")
	only := f.String("only", "", "`names` of parts to run, separated by commas: "+strings.Join((&bench{}).partNames(), ", "))
	if err := f.Parse(args); err != nil {
		return err
	}
	b := &bench{out: *out, example: cmp.Or(f.Arg(0), "debian"), log: s.err}
	parts, err := b.choose(*only)
	if err != nil {
		return err
	}
	b.dir = filepath.Join(*out, "bench", "work")
	defer os.RemoveAll(b.dir)
	at := conditionsNow()
	failed := b.measure(ctx, parts)
	if err := b.save(at); err != nil {
		return errors.Join(failed, err)
	}
	fmt.Fprintln(s.out, at)
	return errors.Join(failed, writeFigures(s.out, b.figures))
}

// part is a group of measurements that can be run alone.
type part struct {
	name string
	run  func(context.Context) error
}

func (b *bench) parts() []part {
	return []part{
		{"screen", b.firstScreen}, {"copy", b.imageCopy}, {"memory", b.smallestMemory}, {"install", b.installation}, {"loopctl", b.loopctl}, {"http", b.overHTTP},
		{"kickstart", b.kickstarts}, {"screens", b.screens},
	}
}

func (b *bench) partNames() []string {
	var names []string
	for _, p := range b.parts() {
		names = append(names, p.name)
	}
	return names
}

// choose finds the parts named, all of them if none is, and names the file of figures.
func (b *bench) choose(only string) ([]part, error) {
	b.name = b.example
	if only == "" {
		return b.parts(), nil
	}
	var chosen []part
	for _, name := range strings.Split(only, ",") {
		i := slices.Index(b.partNames(), name)
		if i < 0 {
			return nil, fmt.Errorf("bench has no part %q; there are %s", name, strings.Join(b.partNames(), ", "))
		}
		chosen = append(chosen, b.parts()[i])
		b.name += "-" + name
	}
	return chosen, nil
}

// measure runs parts. One that fails doesn't keep the others from running.
func (b *bench) measure(ctx context.Context, parts []part) error {
	var failed []error
	for _, p := range parts {
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

func (b *bench) save(at conditions) error {
	data, err := json.MarshalIndent(struct {
		conditions
		Example string   `json:"example"`
		Figures []figure `json:"figures"`
	}{at, b.example, b.figures}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(b.out, "bench", b.name+".json"), append(data, '\n'), 0o644)
}

// conditions are what figures depend on.
type conditions struct {
	Time   time.Time `json:"time"`
	Kernel string    `json:"kernel"`
	CPUs   int       `json:"cpus"`
	Load   string    `json:"load"` // processes that run or want to, on average of 1, 5 and 15 minutes before
}

func conditionsNow() conditions {
	return conditions{time.Now().UTC(), fieldsOf("/proc/sys/kernel/osrelease", 1), runtime.NumCPU(), fieldsOf("/proc/loadavg", 3)}
}

// fieldsOf are the first n fields of a file of /proc.
func fieldsOf(name string, n int) string {
	text, _ := os.ReadFile(name)
	fields := strings.Fields(string(text))
	return strings.Join(fields[:min(n, len(fields))], " ")
}

func (c conditions) String() string {
	return fmt.Sprintf("%s, Linux %s, %d CPUs, load before %s", c.Time.Format(time.DateOnly), c.Kernel, c.CPUs, c.Load)
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
