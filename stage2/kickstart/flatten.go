package kickstart

import (
	"bytes"
	"errors"
	"slices"
	"strings"
)

// Flatten puts what a file includes in the place of the lines that name it, and
// leaves all else as it is, comments too. Between commands a comment says what came from
// where. What keep returns true for, with the error that include gave, stays an %include:
// a file that %pre writes. The result means what the file meant; errors in it are Parse's to find.
func Flatten(name string, data []byte, include func(string) ([]byte, error), keep func(string, error) bool) ([]byte, error) {
	f := &flattener{include: include, keep: keep}
	err := f.file(name, bytes.TrimPrefix(data, []byte("\ufeff")))
	return f.out.Bytes(), err
}

type flattener struct {
	include func(string) ([]byte, error)
	keep    func(string, error) bool
	out     bytes.Buffer
	files   []string // being read, outermost first
	section bool     // the line is in one
}

func (f *flattener) file(name string, data []byte) error {
	if slices.Contains(f.files, name) || len(f.files) > maxDepth {
		return errors.New("the file includes itself: " + hideURL(strings.Join(append(f.files, name), " → ")))
	}
	f.files = append(f.files, name)
	defer func() { f.files = f.files[:len(f.files)-1] }()
	var errs []error
	for at := 0; at < len(data); {
		next := lineEnd(data, at)
		first := firstWord(string(data[at:next]))
		if !f.section {
			_, next, _ = lex(data, at) // a command can go on in the next line
		}
		if first == "%include" || first == "%ksappend" {
			errs = append(errs, f.follow(data[at:next]))
		} else {
			f.section = isSection(first) || f.section && first != "%end"
			f.write(data[at:next])
		}
		at = next
	}
	return errors.Join(errs...)
}

// write writes whole lines: a file can end without a line end, and go on here.
func (f *flattener) write(lines []byte) {
	f.out.Write(lines)
	if n := len(lines); n > 0 && lines[n-1] != '\n' {
		f.out.WriteByte('\n')
	}
}

func (f *flattener) follow(line []byte) error {
	words, _, err := lex(line, 0)
	if err != nil || len(words) != 2 {
		f.write(line) // Parse says what is wrong with it
		return nil
	}
	path := words[1].text
	data, err := f.include(path)
	switch {
	case err != nil && f.keep(path, err):
		f.write(line)
		return nil
	case err != nil:
		return errors.New("%include " + hideURL(path) + ": " + hideURL(err.Error()))
	}
	if !f.section {
		f.write([]byte("# from " + hideURL(path)))
	}
	inside := f.section
	if err := f.file(path, bytes.TrimPrefix(data, []byte("\ufeff"))); err != nil {
		return err
	}
	if !inside && !f.section {
		f.write([]byte("# end of " + hideURL(path)))
	}
	return nil
}
