package source

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
)

// part is the range that an answer holds.
type part struct {
	n, total int64 // bytes
}

// rangeOf understands an answer to a request for a range that begins at off
// (RFC 9110, 14.4 and 15.3.7).
func rangeOf(resp *http.Response, off int64) (part, error) {
	said := resp.Header.Get("Content-Range")
	switch resp.StatusCode {
	case http.StatusPartialContent:
	case http.StatusOK:
		return part{}, fmt.Errorf("%w: it sends the whole file; use another server, or download the file first", ErrNoRanges)
	default:
		return part{}, &StatusError{resp.StatusCode}
	}
	m := regexp.MustCompile(`^bytes (\d+)-(\d+)/(\d+|\*)$`).FindStringSubmatch(said)
	if m == nil {
		return part{}, fmt.Errorf("server answers with Content-Range %q, which is none", said)
	}
	if m[3] == "*" {
		return part{}, ErrNoSize
	}
	first, err1 := strconv.ParseInt(m[1], 10, 64)
	last, err2 := strconv.ParseInt(m[2], 10, 64)
	total, err3 := strconv.ParseInt(m[3], 10, 64)
	if err1 != nil || err2 != nil || err3 != nil || first != off || last < first || last >= total {
		return part{}, fmt.Errorf("server answers with Content-Range %q to a request for bytes from %d", said, off)
	}
	return part{last - first + 1, total}, nil
}
