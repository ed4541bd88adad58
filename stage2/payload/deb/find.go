package deb

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/payload"
)

var _ payload.Finder = (*Payload)(nil)

// Find implements payload.Finder: every word is in a package's name or description, large or small.
func (p *Payload) Find(ctx context.Context, words string) ([]payload.Found, error) {
	all, err := p.findable(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the package index of the set: %w", err)
	}
	if found := search(all, words); len(found) > 0 {
		return found, nil
	}
	return spelledLike(all, strings.ToLower(strings.TrimSpace(words))), nil
}

// findable are all packages by name, read once for all searches.
func (p *Payload) findable(ctx context.Context) ([]payload.Found, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all != nil {
		return p.all, nil
	}
	set, err := p.readIndexFile(ctx)
	if err != nil {
		return nil, err
	}
	x, err := readIndex(set.packages)
	if err != nil {
		return nil, err
	}
	p.all = x.findable()
	return p.all, nil
}

func (x *index) findable() []payload.Found {
	all := make([]payload.Found, len(x.records))
	for i, r := range x.records {
		all[i] = payload.Found{Name: r.Name, Description: r.description, Size: r.InstalledSize, Disc: r.Disc}
	}
	slices.SortStableFunc(all, func(a, b payload.Found) int { return strings.Compare(a.Name, b.Name) })
	return slices.CompactFunc(all, func(a, b payload.Found) bool { return a.Name == b.Name })
}

// search are those with all words, the best first.
func search(all []payload.Found, words string) []payload.Found {
	wanted := strings.Fields(strings.ToLower(words))
	if len(wanted) == 0 {
		return nil
	}
	ranks := map[string]int{}
	var hits []payload.Found
	for _, f := range all {
		if r := rank(f, wanted); r >= 0 {
			ranks[f.Name] = r
			hits = append(hits, f)
		}
	}
	slices.SortStableFunc(hits, func(a, b payload.Found) int {
		return cmp.Or(cmp.Compare(ranks[a.Name], ranks[b.Name]), cmp.Compare(len(a.Name), len(b.Name)), strings.Compare(a.Name, b.Name))
	})
	return hits[:min(len(hits), payload.MostFound)]
}

// rank is how well f fits, 0 best: its name is the word, begins with it, has all words, or the
// description has some of them. -1: it doesn't fit.
func rank(f payload.Found, words []string) int {
	name, about := strings.ToLower(f.Name), strings.ToLower(f.Description)
	r := 2
	for _, w := range words {
		switch {
		case strings.Contains(name, w):
		case strings.Contains(about, w):
			r = 3
		default:
			return -1
		}
	}
	switch {
	case r == 2 && name == strings.Join(words, " "):
		return 0
	case r == 2 && strings.HasPrefix(name, words[0]):
		return 1
	}
	return r
}

// spelledLike are packages whose names could have been meant.
func spelledLike(all []payload.Found, name string) []payload.Found {
	names := make([]string, len(all))
	for i, f := range all {
		names[i] = f.Name
	}
	var found []payload.Found
	for _, n := range nearest(name, names) {
		f := all[slices.Index(names, n)]
		f.Near = true
		found = append(found, f)
	}
	return found
}
