// Package ksearly reads of a kickstart file what stage 1 goes by: url, nfs,
// harddrive and cdrom, updates, driverdisk and %certificate. They say what stage 2 is
// started with, so they are needed before it is, as Anaconda needs them in its initramfs.
//
// It is no judge of the language, which stage2/kickstart is: what it can't read it
// passes over, because stage 2 refuses it by file and line before anything is written.
// For the same reason a command that only a %pre script writes isn't found here; stage 2
// compares (stage2/plan) and says so. It does no I/O but what its caller includes.
package ksearly

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/molt-installer/molt/internal/kslex"
)

// Commands are what a file says.
type Commands struct {
	Source       Source
	Updates      string   // in the spelling of inst.updates=; empty: none
	Drivers      []string // in the spelling of inst.dd=
	Certificates []Certificate
}

// Certificate is a %certificate section.
type Certificate struct {
	Filename string
	Dir      string // empty when it isn't said
	Body     []byte // PEM
}

// TrustedDir is where a Debian system has the certificates of CAs that its administrator
// trusts (update-ca-certificates(8)).
const TrustedDir = "/usr/local/share/ca-certificates"

// Trusted reports whether a %certificate of this --dir is of a CA that is to be trusted, and
// not just a file for some program.
func Trusted(dir string) bool {
	return dir == "" || strings.HasPrefix(path.Clean(dir)+"/", TrustedDir+"/")
}

// The limits guard against files that include themselves under changing names.
const (
	maxDepth    = 20
	maxIncludes = 1000
)

// Read reads a file and what it includes by URL. include fetches such a file; its
// error is returned as it is.
func Read(data []byte, include func(url string) ([]byte, error)) (Commands, error) {
	r := reader{include: include}
	err := r.file(data, 1)
	return r.found, err
}

type reader struct {
	include  func(string) ([]byte, error)
	includes int
	found    Commands
}

func (r *reader) file(data []byte, depth int) error {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	for at := 0; at < len(data); {
		words, next, err := kslex.Line(data, at)
		at = next
		switch {
		case err != nil || len(words) == 0:
		case words[0].Text == "%include" || words[0].Text == "%ksappend":
			if err := r.follow(words, depth); err != nil {
				return err
			}
		case strings.HasPrefix(words[0].Text, "%"):
			at = r.section(words, data, at)
		default:
			r.command(words)
		}
	}
	return nil
}

// follow reads what is included by URL. Files are stage 2's, however they are spelled: %pre
// can write them.
func (r *reader) follow(words []kslex.Word, depth int) error {
	if len(words) != 2 || !strings.Contains(words[1].Text, "://") || strings.HasPrefix(words[1].Text, "file:") {
		return nil
	}
	if r.includes++; depth > maxDepth || r.includes > maxIncludes {
		return fmt.Errorf("the kickstart includes itself, or more than %d files", maxIncludes)
	}
	data, err := r.include(words[1].Text)
	if err != nil {
		return err
	}
	return r.file(data, depth+1)
}

// section steps over a section, and returns where the line after it starts.
func (r *reader) section(words []kslex.Word, data []byte, at int) int {
	start := at
	for at < len(data) {
		end := len(data)
		if i := bytes.IndexByte(data[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		if f := bytes.Fields(data[at:end]); len(f) > 0 && string(f[0]) == "%end" {
			if words[0].Text == "%certificate" {
				o, _ := options(words[1:], "filename", "dir")
				r.found.Certificates = append(r.found.Certificates, Certificate{o["filename"], o["dir"], data[start:at]})
			}
			return end
		}
		at = end
	}
	return at
}

// command reads one line. Of two source commands the last counts, those of no
// concern here too.
func (r *reader) command(words []kslex.Word) {
	rest := words[1:]
	switch name := words[0].Text; name {
	case "url", "nfs", "harddrive", "cdrom", "liveimg", "hmc", "ostreesetup", "ostreecontainer", "bootc":
		o, _ := options(rest, "url", "mirrorlist", "metalink", "server", "dir", "opts", "partition",
			"proxy", "noverifyssl!", "sslcacert", "sslclientcert", "sslclientkey")
		_, noVerify := o["noverifyssl"]
		r.found.Source = Source{Kind: name, URL: o["url"], Server: o["server"], Dir: o["dir"], Options: o["opts"], Partition: o["partition"],
			Proxy: o["proxy"], NoVerify: noVerify, CACert: o["sslcacert"], ClientCert: o["sslclientcert"], ClientKey: o["sslclientkey"]}
	case "updates":
		if _, args := options(rest); len(args) == 1 {
			r.found.Updates = args[0]
		}
	case "driverdisk":
		o, args := options(rest, "source", "biospart")
		if len(args) == 1 || o["source"] != "" {
			r.found.Drivers = append(r.found.Drivers, DriverDisk(strings.Join(args, ""), o["source"]))
		}
	}
}

// options takes a line apart as argparse does: --name=value, --name value, and
// unambiguous abbreviations. A name with "!" takes no value.
func options(words []kslex.Word, names ...string) (values map[string]string, args []string) {
	values = map[string]string{}
	for i := 0; i < len(words); i++ {
		name, ok := strings.CutPrefix(words[i].Text, "--")
		if !ok {
			args = append(args, words[i].Text)
			continue
		}
		name, value, has := strings.Cut(name, "=")
		name = lookup(name, names)
		flag := strings.HasSuffix(name, "!")
		if !has && !flag && i+1 < len(words) && !strings.HasPrefix(words[i+1].Text, "-") {
			i++
			value = words[i].Text
		}
		values[strings.TrimSuffix(name, "!")] = value
	}
	return values, args
}

// lookup completes a name. One that is unknown is good for nobody.
func lookup(name string, names []string) string {
	near := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !strings.HasPrefix(n, name) })
	for _, n := range near {
		if strings.TrimSuffix(n, "!") == name {
			return n
		}
	}
	if len(near) == 1 && name != "" {
		return near[0]
	}
	return ""
}
