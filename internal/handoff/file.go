package handoff

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// VersionError is a file in another version than this program's. Stage 1
// and stage 2 are then of different builds.
type VersionError struct {
	Found int // 0 when the file names none
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("the file has version %d, this program reads version %d; "+
		"stage 1 and stage 2 must be of the same build", e.Found, Version)
}

// ParseRecord reads what Record.Write wrote. Another version gives a
// *VersionError; a field that isn't known is an error too, because it can only
// come from a writer that expects more than this reader does.
func ParseRecord(data []byte) (*Record, error) {
	var r Record
	if err := parse(data, &r); err != nil {
		return nil, err
	}
	return &r, nil
}

// ParseResult is ParseRecord for a Result.
func ParseResult(data []byte) (*Result, error) {
	var r Result
	if err := parse(data, &r); err != nil {
		return nil, err
	}
	if err := r.Action.check(); err != nil {
		return nil, err
	}
	return &r, nil
}

// ReadRecord reads the record at path.
func ReadRecord(path string) (*Record, error) { return read(path, ParseRecord) }

// ReadResult reads the result at path. fs.ErrNotExist says that stage 2 left
// none: it crashed.
func ReadResult(path string) (*Result, error) { return read(path, ParseResult) }

// Write stores r at path, whole or not at all. It fills in the version.
func (r Record) Write(path string) error {
	r.Version = Version
	return write(path, r)
}

// Write stores r at path, whole or not at all. It fills in the version.
func (r Result) Write(path string) error {
	r.Version = Version
	if err := r.Action.check(); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return write(path, r)
}

func (a Action) check() error {
	if !slices.Contains([]Action{Reboot, Poweroff, Halt, Shell, Retry, Ask}, a) {
		return fmt.Errorf("action %q is not known", a)
	}
	return nil
}

func read[T any](path string, parse func([]byte) (*T, error)) (*T, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read handoff: %w", err)
	}
	v, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("read handoff %s: %w", path, err)
	}
	return v, nil
}

func parse(data []byte, v any) error {
	var head struct{ Version int }
	if err := json.Unmarshal(data, &head); err != nil {
		return err
	}
	if head.Version != Version {
		return &VersionError{Found: head.Version}
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows after the end of the object")
	}
	return nil
}

// write goes through a file beside path: a reader never sees half of it. It
// is not synced, since /run is in memory.
func write(path string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("write handoff %s: %w", path, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write handoff: %w", err)
	}
	temporary := path + ".new"
	if err := os.WriteFile(temporary, append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("write handoff: %w", err)
	}
	if err := os.Rename(temporary, path); err != nil {
		os.Remove(temporary)
		return fmt.Errorf("write handoff: %w", err)
	}
	return nil
}
