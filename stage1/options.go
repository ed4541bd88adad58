package stage1

import (
	"slices"
	"strings"

	"github.com/molt-installer/molt/internal/bootargs"
)

// editOptions applies what a person typed to a command line: words are added,
// a word "-name" takes all options of that name out.
func editOptions(line, edit string) string {
	params := bootargs.Split(line)
	for _, p := range bootargs.Split(edit) {
		name, out := strings.CutPrefix(p.Name, "-")
		if out {
			params = slices.DeleteFunc(params, func(q bootargs.Param) bool { return q.Name == name })
			continue
		}
		params = append(params, p)
	}
	words := make([]string, len(params))
	for i, p := range params {
		words[i] = p.String()
	}
	return strings.Join(words, " ")
}
