package main

import "errors"

// The exit statuses. For commands that judge something, a "no" differs from not
// being able to judge, as with diff(1).
const (
	exitNo      = 1
	exitTrouble = 2
)

// statusError is an error with an exit status of its own.
type statusError struct {
	status int
	err    error
}

func (e *statusError) Error() string { return e.err.Error() }
func (e *statusError) Unwrap() error { return e.err }

// no is a judgement: the command did its work, and this is what came out.
func no(err error) error { return &statusError{exitNo, err} }

// status is the exit status for an error of run.
func status(err error) int {
	var s *statusError
	if errors.As(err, &s) {
		return s.status
	}
	return 1
}
