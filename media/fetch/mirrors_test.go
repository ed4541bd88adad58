package fetch

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// shaky is a tree in memory with one file, that breaks as told.
type shaky struct {
	name    string
	data    []byte
	cut     int64 // a stream ends with an error there; -1: never
	open    error // what Open says
	streams int
}

func (s *shaky) Open(context.Context, string) (File, error) {
	if s.open != nil {
		return nil, &Error{Op: "open", Where: s.name, Reason: s.open}
	}
	return &shakyFile{s}, nil
}
func (s *shaky) String() string { return s.name }
func (s *shaky) Close() error   { return nil }

type shakyFile struct{ s *shaky }

func (f *shakyFile) ReadAt(_ context.Context, p []byte, off int64) (int, error) {
	return bytes.NewReader(f.s.data).ReadAt(p, off)
}
func (f *shakyFile) Size(context.Context) (int64, error) { return int64(len(f.s.data)), nil }
func (f *shakyFile) Ranges() bool                        { return true }
func (f *shakyFile) String() string                      { return f.s.name }
func (f *shakyFile) Close() error                        { return nil }
func (f *shakyFile) Stream(_ context.Context, off int64) (io.ReadCloser, error) {
	f.s.streams++
	data := f.s.data
	if f.s.cut >= 0 {
		if off >= f.s.cut {
			return nil, &Error{Op: "read", Where: f.s.name, Reason: ErrCut}
		}
		broken := io.MultiReader(bytes.NewReader(data[off:f.s.cut]), errReader{&Error{Op: "read", Where: f.s.name, Reason: ErrCut}})
		return io.NopCloser(broken), nil
	}
	return io.NopCloser(bytes.NewReader(data[off:])), nil
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

func all(t *testing.T, m *Mirrors) ([]byte, error) {
	t.Helper()
	f, err := m.Open(t.Context(), "x")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := f.Stream(t.Context(), 0)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func TestMirrors(t *testing.T) {
	data := []byte(strings.Repeat("0123456789", 1000))
	for name, c := range map[string]struct {
		trees []*shaky
		want  error
	}{
		"the first has it":      {[]*shaky{{name: "a", data: data, cut: -1}, {name: "b", open: ErrRefused}}, nil},
		"the second has it":     {[]*shaky{{name: "a", open: ErrRefused}, {name: "b", data: data, cut: -1}}, nil},
		"the first is cut":      {[]*shaky{{name: "a", data: data, cut: 6000}, {name: "b", data: data, cut: -1}}, nil},
		"each has a part":       {[]*shaky{{name: "a", data: data, cut: 6000}, {name: "b", data: data, cut: 8000}, {name: "c", data: data, cut: -1}}, nil},
		"none has it":           {[]*shaky{{name: "a", open: ErrNotFound}, {name: "b", open: ErrForbidden}}, ErrNotFound},
		"none answers":          {[]*shaky{{name: "a", open: ErrRefused}, {name: "b", open: ErrTimeout}}, ErrTimeout},
		"none has the last bit": {[]*shaky{{name: "a", data: data, cut: 6000}}, ErrCut},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var trees []Tree
				for _, s := range c.trees {
					trees = append(trees, s)
				}
				start := time.Now()
				got, err := all(t, NewMirrors(trees, time.Minute, nil))
				if !errors.Is(err, c.want) {
					t.Fatalf("%v, want %v", err, c.want)
				}
				if c.want == nil && !bytes.Equal(got, data) {
					t.Errorf("%d of %d bytes", len(got), len(data))
				}
				if took := time.Since(start); c.want == ErrNotFound && took > 0 || took > 2*time.Minute {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

// TestMirrorComesBack: one server that is away for less than the patience.
func TestMirrorComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := []byte(strings.Repeat("x", 10_000))
		s := &shaky{name: "a", data: data, cut: 6000}
		time.AfterFunc(40*time.Second, func() { s.cut = -1 })
		var told []string
		got, err := all(t, NewMirrors([]Tree{s}, time.Minute, func(what string) { told = append(told, what) }))
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		if len(told) == 0 || !strings.Contains(told[0], "going on at byte 6000") {
			t.Errorf("%q", told)
		}
		if s.streams > 10 {
			t.Errorf("it was asked %d times in 40 s", s.streams)
		}
	})
}

func TestDoubt(t *testing.T) {
	a, b := &shaky{name: "a", data: []byte("wrong"), cut: -1}, &shaky{name: "b", data: []byte("right"), cut: -1}
	m := NewMirrors([]Tree{a, b}, time.Minute, nil)
	if got, _ := all(t, m); string(got) != "wrong" {
		t.Fatalf("%q", got)
	}
	if !m.Doubt() {
		t.Fatal("there is a second server")
	}
	if got, _ := all(t, m); string(got) != "right" {
		t.Errorf("%q", got)
	}
	if NewMirrors([]Tree{a}, time.Minute, nil).Doubt() {
		t.Error("there is only one server")
	}
}
