package media

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// parseNFS reads [options:]server:/path, as Anaconda does. An IPv6 address
// stands in brackets.
func parseNFS(scheme string) func(string) (Source, error) {
	return func(rest string) (Source, error) {
		shape := fmt.Errorf("must be %s:[options:]server:/path, an IPv6 address in [brackets]", scheme)
		head, p, ok := strings.Cut(rest, ":/")
		if !ok || strings.ContainsFunc(rest, control) || strings.ContainsAny(head, "/ ") {
			return Source{}, shape
		}
		options, server, ok := nfsHead(head)
		if !ok || strings.ContainsAny(options+server, "[]") || server == "" {
			return Source{}, shape
		}
		p, err := cleanPath(p)
		return Source{Scheme: scheme, Options: options, Server: server, Path: p}, err
	}
}

// nfsHead takes [options:]server apart.
func nfsHead(head string) (options, server string, ok bool) {
	if before, found := strings.CutSuffix(head, "]"); found {
		options, server, ok = strings.Cut(before, "[")
		if options != "" && !strings.HasSuffix(options, ":") {
			return "", "", false
		}
		addr, err := netip.ParseAddr(server)
		return strings.TrimSuffix(options, ":"), server, ok && err == nil && addr.Is6()
	}
	options, server, ok = strings.Cut(head, ":")
	if !ok {
		return "", head, true
	}
	return options, server, !strings.Contains(server, ":")
}

func control(r rune) bool { return r < ' ' || r == 0x7f }

// parseURL keeps the URL as it was given, once it is known to be one.
func parseURL(scheme string) func(string) (Source, error) {
	return func(rest string) (Source, error) {
		whole := scheme + ":" + rest
		u, err := url.Parse(whole)
		switch {
		case !strings.HasPrefix(rest, "//"):
			return Source{}, fmt.Errorf("must begin with %s://", scheme)
		case err != nil && strings.Contains(rest, "@"):
			// The parser's words could quote a part of the password.
			return Source{}, errors.New("is no URL; in a password write %40 for @, %2F for /, %3A for :, %23 for #, %25 for %")
		case err != nil:
			return Source{}, fmt.Errorf("is no URL: %w", errors.Unwrap(err))
		case u.Hostname() == "":
			return Source{}, errors.New("names no server")
		}
		if scheme != "ftp" && strings.Contains(u.Path, "/..") { // a boot loader that knows only its script's URL says SCRIPT/..
			whole = u.JoinPath().String()
		}
		return Source{Scheme: scheme, URL: whole}, nil
	}
}

// Remote reports whether s is reached over a network.
func (s Source) Remote() bool { return s.Server != "" || s.URL != "" }

// Redacted is s for people and logs: as String, without the password.
func (s Source) Redacted() string { return Redact(s.String()) }

// nfsWords are the parts of an NFS source between its colons.
func (s Source) nfsWords() []string {
	server := s.Server
	if strings.Contains(server, ":") {
		server = "[" + server + "]"
	}
	if s.Options != "" {
		return []string{s.Options, server}
	}
	return []string{server}
}

// Redact hides the password in what may be a source, for people and logs.
// In scheme://user:password@host that is no URL nobody knows where the
// password ends: all before the last @ is hidden then.
func Redact(s string) string {
	before, rest, ok := strings.Cut(s, "://")
	if !ok {
		return s
	}
	end := strings.IndexAny(rest, "/?#")
	if _, err := url.Parse(s); err != nil || end < 0 {
		end = len(rest)
	}
	at := strings.LastIndexByte(rest[:end], '@')
	user, _, secret := strings.Cut(rest[:max(at, 0)], ":")
	if !secret {
		return s
	}
	return before + "://" + user + ":…" + rest[at:]
}
