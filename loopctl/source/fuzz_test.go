package source

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// FuzzOpen: whatever is typed, the name that is shown has no user, password or query.
func FuzzOpen(f *testing.F) {
	for _, spec := range []string{"", "/a", "a:b", "file:/a", "file://h/a", "http://u:p@h/a?k=v#f", "https://[::1]:8/a", "HTTP://h", "http://h/%zz", "ftp://h"} {
		f.Add(spec)
	}
	f.Fuzz(func(t *testing.T, spec string) {
		s, err := Open(t.Context(), spec, Options{})
		if err != nil {
			return
		}
		w, ok := s.(*web)
		if !ok {
			return
		}
		u, err := url.Parse(strings.TrimSuffix(w.String(), "?…"))
		if err != nil || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			t.Errorf("%q is called %q", spec, w)
		}
	})
}

// FuzzRange: a Content-Range that is taken holds what was asked for.
func FuzzRange(f *testing.F) {
	for _, said := range []string{"", "bytes 0-0/1", "bytes 5-9/10", "bytes 5-9/*", "bytes */10", "bytes 9-5/10", "bytes 5-10/10", "bytes 5-99999999999999999999/10"} {
		f.Add(said, int64(5))
	}
	f.Fuzz(func(t *testing.T, said string, off int64) {
		resp := &http.Response{StatusCode: http.StatusPartialContent, Header: http.Header{"Content-Range": {said}}}
		if p, err := rangeOf(resp, off); err == nil && (p.n <= 0 || off < 0 || off+p.n > p.total) {
			t.Errorf("%q for %d is %+v", said, off, p)
		}
	})
}
