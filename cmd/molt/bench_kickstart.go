package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/plan"
)

const (
	ksRounds    = 21
	ksBudget    = 5.0  // ms, for a check of one file
	planBudget  = 20.0 // ms, for a plan of the largest machine
	largestFile = "server-64g.json"
)

// kickstarts measures molt ks check on all of examples/kickstarts and plans for the
// largest of examples/machines, each beside its budget. Of a file it is the median of
// several times, and of the files the slowest.
func (b *bench) kickstarts(ctx context.Context) error {
	files, err := filepath.Glob(filepath.Join("examples", "kickstarts", "*.ks"))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return errors.New("no examples/kickstarts here: run it in the source tree")
	}
	m, err := machine.Load(filepath.Join("examples", "machines", largestFile))
	if err != nil {
		return err
	}
	place := &planPlace{machine: &m}
	var checks, plans time.Duration
	for _, file := range files {
		check, err := medianOf(func() error {
			_, err := (&ksCheck{out: io.Discard}).file(ctx, file)
			return err
		})
		if err != nil {
			return fmt.Errorf("check %s: %w", file, err)
		}
		build, err := b.planning(ctx, place, file)
		if err != nil {
			return fmt.Errorf("plan %s: %w", file, err)
		}
		checks, plans = max(checks, check), max(plans, build)
	}
	b.add(ratio(fmt.Sprintf("ks check, slowest of %d files", len(files)), milliseconds(checks), "ms", ksBudget, "budget"))
	b.add(ratio(fmt.Sprintf("ks plan of %d disks, slowest of %d files", len(m.Disks), len(files)), milliseconds(plans), "ms", planBudget, "budget"))
	return nil
}

// planning is what a plan takes, also one that turns out to be impossible.
func (b *bench) planning(ctx context.Context, place *planPlace, file string) (time.Duration, error) {
	return medianOf(func() error {
		k, err := readKs(file, nil)
		if err != nil {
			return err
		}
		p, err := place.plan(ctx, k)
		if problems := (plan.Problems{}); errors.As(err, &problems) {
			return nil
		}
		if err == nil {
			_ = p.Text()
		}
		return err
	})
}

func medianOf(what func() error) (time.Duration, error) {
	var s samples
	for range ksRounds {
		start := time.Now()
		if err := what(); err != nil {
			return 0, err
		}
		s = append(s, time.Since(start))
	}
	return s.median(), nil
}
