package source

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/molt-installer/molt/loopctl/failover"
)

// What a spec or a source can be wrong with, for errors.Is.
var (
	// ErrSpec: the spec isn't understood.
	ErrSpec = errors.New("not a source")
	// ErrNoRanges: the server sends files as a whole or not at all.
	ErrNoRanges = errors.New("server knows no ranges")
	// ErrNoSize: the server doesn't say how long the file is.
	ErrNoSize = errors.New("server doesn't tell the size")
	// ErrFileType: neither a regular file nor a block device.
	ErrFileType = errors.New("neither a regular file nor a block device")
)

// StatusError is an answer that isn't the file.
type StatusError struct {
	Code int // 404, 503, …
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("server answers %d %s", e.Code, http.StatusText(e.Code))
}

// Options are the options of Open.
type Options struct {
	// Client is for http and https; it brings certificates, proxy and redirect policy.
	// Default: a client of the source's own, with the proxy of the environment, that
	// follows ten redirects but none from https to http.
	Client *http.Client
}

// Open understands a spec: a path, file:PATH, http://… or https://…. A path with a colon
// in its first part is written with "./" or "file:" before it.
func Open(_ context.Context, spec string, o Options) (failover.Source, error) {
	scheme, rest := split(spec)
	switch scheme {
	case "":
		if spec == "" {
			return nil, fmt.Errorf("%w: it is empty; give a path or a URL", ErrSpec)
		}
		return newFile(spec), nil
	case "file":
		return openFileURL(rest)
	case "http", "https":
		return openWeb(spec, o)
	}
	return nil, fmt.Errorf("%w: there is no %q here; give a path, file:, http:// or https://, and a file of that name as ./%s:…",
		ErrSpec, scheme+":", scheme)
}

// split takes the scheme (RFC 3986, 3.1) off; a drive of one letter isn't one.
func split(spec string) (scheme, rest string) {
	m := regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]+):(.*)$`).FindStringSubmatch(spec)
	if m == nil {
		return "", spec
	}
	return strings.ToLower(m[1]), m[2]
}

// openFileURL takes file:PATH and file:///PATH (RFC 8089); the first is not unescaped, as
// people type it.
func openFileURL(rest string) (failover.Source, error) {
	if path, ok := strings.CutPrefix(rest, "//"); ok {
		u, err := url.Parse("file://" + path)
		if err != nil || u.Host != "" && u.Host != "localhost" {
			return nil, fmt.Errorf("%w: file://%s names a host; write file:///path", ErrSpec, path)
		}
		rest = u.Path
	}
	if rest == "" {
		return nil, fmt.Errorf("%w: file: without a path", ErrSpec)
	}
	return newFile(rest), nil
}
