package main

import (
	"bytes"
	"io/fs"
	"os"
	"time"

	"github.com/molt-installer/molt/media/disc"
)

// here is this machine's root with the list of locales in it that stage 2's image has.
func here() fs.FS {
	path, text, err := disc.LocaleList()
	if err != nil {
		return os.DirFS("/")
	}
	return overlaid{os.DirFS("/"), path, text}
}

// overlaid is a file system with one file more.
type overlaid struct {
	fs.FS
	path string
	text []byte
}

// Open implements fs.FS.
func (o overlaid) Open(name string) (fs.File, error) {
	if name != o.path {
		return o.FS.Open(name)
	}
	return &textFile{bytes.NewReader(o.text), o}, nil
}

// textFile is that file, opened.
type textFile struct {
	*bytes.Reader
	of overlaid
}

func (f *textFile) Close() error               { return nil }
func (f *textFile) Stat() (fs.FileInfo, error) { return f, nil }
func (f *textFile) Name() string               { return f.of.path }
func (f *textFile) Size() int64                { return int64(len(f.of.text)) }
func (f *textFile) Mode() fs.FileMode          { return 0o444 }
func (f *textFile) ModTime() time.Time         { return time.Time{} }
func (f *textFile) IsDir() bool                { return false }
func (f *textFile) Sys() any                   { return nil }
