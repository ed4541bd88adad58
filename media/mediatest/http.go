package mediatest

import (
	"io"
	"net/http"
	"strings"
	"time"
)

// Web are the manners of a web server.
type Web struct {
	NoRanges bool // every answer is the whole file
	Chunked  bool // without its size; then without ranges too
	NoTags   bool // without ETag and Last-Modified
}

// Handler serves s.
func (web Web) Handler(s *Store) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r, ok := s.reader(strings.TrimPrefix(req.URL.Path, "/"))
		switch {
		case !ok:
			http.NotFound(w, req)
			return
		case r.it.Fault == Forbidden:
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		if web.NoRanges || web.Chunked {
			req.Header.Del("Range")
		}
		if !web.NoTags {
			w.Header().Set("ETag", r.it.etag())
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		web.serve(w, req, r)
	})
}

func (web Web) serve(w http.ResponseWriter, req *http.Request, r *reader) {
	from := &aborting{ReadSeeker: r, flush: http.NewResponseController(w).Flush}
	if web.Chunked {
		w.WriteHeader(http.StatusOK)
		from.flush()
		io.Copy(w, from)
		if r.it.Fault == Truncated {
			panic(http.ErrAbortHandler)
		}
		return
	}
	http.ServeContent(w, req, "", time.Time{}, from)
}

// aborting breaks the connection where its reader fails, after all before
// that has been sent.
type aborting struct {
	io.ReadSeeker
	flush func() error
}

func (a *aborting) Read(p []byte) (int, error) {
	a.flush()
	n, err := a.ReadSeeker.Read(p)
	if err == errGone {
		panic(http.ErrAbortHandler)
	}
	return n, err
}
