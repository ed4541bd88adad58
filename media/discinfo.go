package media

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// DiscInfoPath is where a disc says what it is, relative to its root.
const DiscInfoPath = ".discinfo"

// DiscInfo is a .discinfo file: four lines, as Anaconda's makestamp wrote them.
type DiscInfo struct {
	ID      string `json:"id"`      // line 1: the set
	Release string `json:"release"` // line 2: product and version
	Arch    string `json:"arch"`    // line 3
	Discs   []int  `json:"discs"`   // line 4: "1", "1,2,3"; empty for "ALL"
}

// ParseDiscInfo reads a .discinfo. It takes CRLF and blank lines at the end
// for what they are, and nothing else that String would not write: an error
// names the line.
func ParseDiscInfo(data []byte) (DiscInfo, error) {
	lines, err := textLines(data)
	if err != nil {
		return DiscInfo{}, fmt.Errorf(".discinfo %w", err)
	}
	names := []string{"set id", "product and version", "architecture", "disc numbers"}
	for i, name := range names {
		if i >= len(lines) || lines[i] == "" {
			return DiscInfo{}, fmt.Errorf(".discinfo line %d: no %s", i+1, name)
		}
	}
	if len(lines) > len(names) {
		return DiscInfo{}, fmt.Errorf(".discinfo line %d: there must be %d lines only", len(names)+1, len(names))
	}
	discs, err := parseDiscNumbers(lines[3])
	if err != nil {
		return DiscInfo{}, fmt.Errorf(".discinfo line 4: %w", err)
	}
	return DiscInfo{ID: lines[0], Release: lines[1], Arch: lines[2], Discs: discs}, nil
}

// ReadDiscInfo reads the .discinfo of the disc or tree at root.
func ReadDiscInfo(root string) (DiscInfo, error) {
	data, err := os.ReadFile(filepath.Join(root, DiscInfoPath))
	if err != nil {
		return DiscInfo{}, fmt.Errorf("it is no disc of a set: %w", err)
	}
	return ParseDiscInfo(data)
}

func parseDiscNumbers(s string) ([]int, error) {
	if s == "ALL" {
		return nil, nil
	}
	var discs []int
	for _, word := range strings.Split(s, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 || word[0] == '+' || word[0] == '0' {
			return nil, fmt.Errorf(`%q is no disc number; there must be "ALL", or numbers from 1 with commas between`, word)
		}
		if slices.Contains(discs, n) {
			return nil, fmt.Errorf("disc %d is there twice", n)
		}
		discs = append(discs, n)
	}
	return discs, nil
}

// textLines are the lines of a small text file, without the white space at
// their ends and the blank lines at the file's.
func textLines(data []byte) ([]string, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("is not UTF-8 text")
	}
	lines := strings.Split(string(data), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " \t\r")
		if strings.ContainsFunc(lines[i], func(r rune) bool { return unicode.IsControl(r) && r != '\t' }) {
			return nil, fmt.Errorf("line %d: has a control character in it", i+1)
		}
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines, nil
}

// String is the whole file.
func (d DiscInfo) String() string {
	return d.ID + "\n" + d.Release + "\n" + d.Arch + "\n" + d.Numbers() + "\n"
}

// Has reports whether the disc is number n; a DVD can be several.
func (d DiscInfo) Has(n int) bool {
	return len(d.Discs) == 0 || slices.Contains(d.Discs, n)
}

// Numbers is line 4.
func (d DiscInfo) Numbers() string {
	if len(d.Discs) == 0 {
		return "ALL"
	}
	s := make([]string, len(d.Discs))
	for i, n := range d.Discs {
		s[i] = strconv.Itoa(n)
	}
	return strings.Join(s, ",")
}
