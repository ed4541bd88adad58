package fetch

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"syscall"
	"time"
)

// The reasons for which a file can't be read. Every Error has exactly one.
var (
	ErrNotFound    = errors.New("not found")
	ErrForbidden   = errors.New("forbidden")
	ErrLogin       = errors.New("login refused")
	ErrName        = errors.New("host name not found")
	ErrNoRoute     = errors.New("no route to the server")
	ErrRefused     = errors.New("connection refused")
	ErrTLS         = errors.New("no trusted connection")
	ErrTimeout     = errors.New("no answer in time")
	ErrTruncated   = errors.New("ended too early")
	ErrCut         = errors.New("connection lost")
	ErrChanged     = errors.New("changed while it was read")
	ErrNoRanges    = errors.New("the server sends whole files only")
	ErrStatus      = errors.New("unexpected answer")
	ErrRead        = errors.New("can't be read") // an error of the disc or disk
	ErrFormat      = errors.New("no usable image")
	ErrUnsupported = errors.New("not supported")
	ErrPath        = errors.New("not a usable name")
	ErrCancelled   = errors.New("cancelled")
	ErrClosed      = errors.New("is closed")
)

// Reasons are all of them.
func Reasons() []error {
	return []error{ErrNotFound, ErrForbidden, ErrLogin, ErrName, ErrNoRoute, ErrRefused, ErrTLS, ErrTimeout, ErrTruncated, ErrCut,
		ErrChanged, ErrNoRanges, ErrStatus, ErrRead, ErrFormat, ErrUnsupported, ErrPath, ErrCancelled, ErrClosed}
}

// Error is a file that can't be read.
type Error struct {
	Op     string // "open", "read"
	Where  string // Tree.String
	File   string // the name in it; empty for the tree itself
	Reason error  // one of Reasons
	Err    error  // what the server or the kernel said; can be nil
}

func (e *Error) Error() string {
	if e.File == "" {
		return fmt.Sprintf("%s %s: %s", e.Op, e.Where, e.Why())
	}
	return fmt.Sprintf("%s %s at %s: %s", e.Op, e.File, e.Where, e.Why())
}

// Why is the reason, what was said, and what to do.
func (e *Error) Why() string {
	s := e.Reason.Error()
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	if h := e.hint(); h != "" {
		s += "; " + h
	}
	return s
}

// Unwrap gives the reason and the cause to errors.Is.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Reason}
	}
	return []error{e.Reason, e.Err}
}

func (e *Error) hint() string {
	var op *net.OpError
	if errors.As(e.Err, &op) && op.Op == "proxyconnect" || errors.Is(e.Err, errProxy) {
		return "check inst.proxy="
	}
	switch e.Reason {
	case ErrNotFound:
		return "check the path"
	case ErrForbidden:
		return "let the server give it to everybody"
	case ErrLogin:
		return "check user and password"
	case ErrName:
		return "check the server's name and nameserver="
	case ErrNoRoute:
		return "check ip=, its gateway and rd.route="
	case ErrRefused:
		return "check that the server runs, and its port"
	case ErrTLS:
		return "set the clock if it is wrong, or give the server's CA by inst.cacert="
	case ErrTimeout:
		return "check the server and the network"
	case ErrTruncated:
		return "compare the file's size at the source"
	case ErrChanged:
		return "try again"
	case ErrNoRanges:
		return "use another server"
	}
	return ""
}

// fault is an error whose reason is known where it happens.
type fault struct{ reason, err error }

func (f *fault) Error() string { return f.reason.Error() + ": " + f.err.Error() }
func (f *fault) Unwrap() error { return f.err }

var errProxy = errors.New("the proxy wants a user and a password")

// explain gives err its reason, and the words that help.
func explain(err error, now func() time.Time) (reason, words error) {
	var f *fault
	var e *Error
	var u *url.Error
	switch {
	case errors.As(err, &f):
		return f.reason, f.err
	case errors.As(err, &e):
		return e.Reason, e.Err
	case errors.As(err, &u): // has the URL in it again
		return explain(u.Err, now)
	}
	if tlsReason(err) {
		return ErrTLS, certificateWords(err, now())
	}
	return reasonOf(err), err
}

// rule is a reason and the errors that have it.
type rule struct {
	reason error
	errs   []error
}

func rules() []rule {
	return []rule{
		{ErrRefused, []error{syscall.ECONNREFUSED}},
		{ErrNoRoute, []error{syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.ENETDOWN, syscall.EHOSTDOWN, syscall.EADDRNOTAVAIL}},
		{ErrTimeout, []error{os.ErrDeadlineExceeded, context.DeadlineExceeded, syscall.ETIMEDOUT}},
		{ErrCancelled, []error{context.Canceled}},
		{ErrNotFound, []error{fs.ErrNotExist, syscall.ENOTDIR, syscall.EISDIR, syscall.ENAMETOOLONG}},
		{ErrForbidden, []error{fs.ErrPermission}},
		{ErrRead, []error{syscall.EIO}},
		{ErrChanged, []error{syscall.ESTALE}},
		{ErrTruncated, []error{io.ErrUnexpectedEOF}},
		{ErrCut, []error{syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNABORTED, io.EOF, net.ErrClosed}},
	}
}

func reasonOf(err error) error {
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return ErrName
	}
	for _, r := range rules() {
		for _, e := range r.errs {
			if errors.Is(err, e) {
				return r.reason
			}
		}
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return ErrTimeout
	}
	return ErrStatus
}

func tlsReason(err error) bool {
	var verify *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var op *net.OpError
	return errors.As(err, &verify) || errors.As(err, &record) || errors.As(err, &alert) ||
		errors.As(err, &op) && (op.Op == "remote error" || op.Op == "local error") || errors.Is(err, http.ErrSchemeMismatch)
}

// certificateWords are err with what the certificate says, and the clock, which is
// wrong on many machines that are about to be installed.
func certificateWords(err error, now time.Time) error {
	clock := now.UTC().Format("2006-01-02 15:04 UTC")
	var verify *tls.CertificateVerificationError
	if !errors.As(err, &verify) || len(verify.UnverifiedCertificates) == 0 {
		return err
	}
	c := verify.UnverifiedCertificates[0]
	const day = "2006-01-02"
	return fmt.Errorf("%w; the certificate is of %q, signed by %q, good from %s to %s; the clock says %s", verify.Err,
		c.Subject.String(), c.Issuer.String(), c.NotBefore.UTC().Format(day), c.NotAfter.UTC().Format(day), clock)
}
