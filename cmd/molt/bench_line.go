package main

import (
	"context"
	"errors"
	"os"
	"time"
)

// benchLine is a terminal without anybody: what is sent to it is counted.
type benchLine struct {
	far, tty *os.File
	drawn    chan int // the lengths of what was read
}

const (
	// settled is how long nothing comes when a screen has been drawn: two frames.
	settled = 25 * time.Millisecond
	// noAnswer is after what a key is taken for one that does nothing.
	noAnswer = 10 * time.Second
)

func (l *benchLine) read() {
	buf := make([]byte, 64<<10)
	defer close(l.drawn)
	for {
		n, err := l.far.Read(buf)
		if err != nil {
			return
		}
		l.drawn <- n
	}
}

// taken is how many bytes have come since it was last asked.
func (l *benchLine) taken() (n int) {
	for {
		select {
		case m := <-l.drawn:
			n += m
		default:
			return n
		}
	}
}

// quiet waits for the first bytes, and then until none have come for some time.
func (l *benchLine) quiet(ctx context.Context, long time.Duration) error {
	_, err := l.last(ctx, long)
	return err
}

// press types a key and says how long it took until the last byte of the new screen was there.
func (l *benchLine) press(ctx context.Context, key string) (time.Duration, error) {
	l.taken()
	start := time.Now()
	if _, err := l.far.WriteString(key); err != nil {
		return 0, err
	}
	at, err := l.last(ctx, settled)
	return at.Sub(start), err
}

// last is when the last bytes came before a pause.
func (l *benchLine) last(ctx context.Context, pause time.Duration) (at time.Time, err error) {
	wait := time.NewTimer(noAnswer)
	defer wait.Stop()
	for {
		select {
		case _, open := <-l.drawn:
			if !open {
				return at, errors.New("the terminal was closed")
			}
			at = time.Now()
			wait.Reset(pause)
		case <-wait.C:
			if at.IsZero() {
				return at, errors.New("nothing is drawn")
			}
			return at, nil
		case <-ctx.Done():
			return at, ctx.Err()
		}
	}
}

func (l *benchLine) close() {
	l.tty.Close()
	l.far.Close()
}
