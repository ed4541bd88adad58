package disc

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// errNoMirror says what to do when the machine names no archive.
var errNoMirror = errors.New("no Debian archive among apt's sources of this machine: name one with MIRROR=http://host/debian")

// findMirror is the first Debian archive among apt's sources below etc
// (/etc/apt). Both forms of sources.list(5) are understood.
func findMirror(etc string) (string, error) {
	files := []string{filepath.Join(etc, "sources.list")}
	more, _ := filepath.Glob(filepath.Join(etc, "sources.list.d", "*")) // only a bad pattern is an error
	slices.Sort(more)
	for _, path := range append(files, more...) {
		text, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		} else if err != nil {
			return "", fmt.Errorf("look for a Debian archive: %w", err)
		}
		for _, uri := range sourceURIs(filepath.Ext(path), string(text)) {
			if strings.HasSuffix(strings.TrimRight(uri, "/"), "/debian") {
				return strings.TrimRight(uri, "/"), nil
			}
		}
	}
	return "", errNoMirror
}

// sourceURIs reads the URIs of a sources.list (ext ".list" or none) or of a
// deb822 file (".sources").
func sourceURIs(ext, text string) []string {
	var uris []string
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		line := lines.Text()
		if value, ok := strings.CutPrefix(line, "URIs:"); ok && ext == ".sources" {
			uris = append(uris, strings.Fields(value)...)
		}
		if ext != ".sources" && strings.HasPrefix(line, "deb ") {
			uris = append(uris, oneLineURI(line))
		}
	}
	return uris
}

// oneLineURI is the URI of "deb [options] uri suite component".
func oneLineURI(line string) string {
	rest := strings.TrimSpace(strings.TrimPrefix(line, "deb "))
	if strings.HasPrefix(rest, "[") {
		_, rest, _ = strings.Cut(rest, "]")
	}
	uri, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	return uri
}
