// Package kickstart reads and writes the language of Anaconda's kickstart files
// (syntax of Fedora 45, as pykickstart 3.74 judges it) and turns a file into
// config.Answers.
//
// It is pure: it opens no file, runs no script and looks at no machine. What
// %include names is asked of a function of the caller, and randomness for
// hashing passwords is an argument too. It doesn't know whether an answer fits the
// machine; that is plan.Build's.
//
// # How a file is read
//
// lex.go cuts a line into words, scan.go the file into commands and sections
// (following %include), args.go matches words with the tables in table_*.go,
// which say as data what every command takes, and apply_*.go turns what was
// understood into answers.
//
// # Contract
//
// All that is wrong is reported at once, each with file and line and with what
// would be right. Nothing is passed over silently: an option is either done,
// or refused (Unsupported), or, where leaving it out does no harm, warned of.
// A password is hashed as soon as it is read and appears in no diagnostic.
package kickstart

import (
	"io"

	"github.com/molt-installer/molt/stage2/config"
)

// Options is what Parse needs of the world. The zero value reads a file that
// includes nothing.
type Options struct {
	// Include returns the content of the file or URL that %include or %ksappend
	// names. Without it such a line is an error.
	Include func(path string) ([]byte, error)
	// Rand is where the salts of password hashes come from. Without it plain
	// passwords are only checked, and the answer's hash is Unhashed: one that no
	// password opens.
	Rand io.Reader
}

// Parse reads a kickstart file. name is how diagnostics call it. The answers are
// as complete as the errors allow; with any error they must not be used for
// an installation.
func Parse(name string, data []byte, o Options) (config.Answers, Diagnostics) {
	b := newBuilder(o)
	s := &scanner{include: o.Include, diags: &b.diags}
	s.file(name, data)
	for _, it := range s.items {
		b.item(it)
	}
	b.finish()
	b.diags.inOrder()
	return b.answers, b.diags
}

func newBuilder(o Options) *builder {
	return &builder{options: o, seen: map[string]Pos{}, refs: refs{named: map[string]origin{}}}
}

// PreScripts returns the %pre scripts alone. They run before the file can be
// read as a whole, because they may write what it includes; so files that aren't
// there yet are passed over, and so is all else that is wrong elsewhere.
func PreScripts(name string, data []byte, o Options) ([]config.Script, Diagnostics) {
	b := newBuilder(o)
	var dropped Diagnostics
	s := &scanner{include: o.Include, diags: &dropped}
	s.file(name, data)
	for _, it := range s.items {
		if it.section && it.name() == "%pre" {
			b.item(it)
		}
	}
	return b.answers.Scripts, b.diags
}
