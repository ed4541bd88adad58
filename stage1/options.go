package stage1

import (
	"slices"
	"strings"

	"github.com/molt-installer/molt/internal/bootargs"
)

// networkOptions are those of o that say how the network is to be.
func networkOptions(o bootargs.Options) bootargs.Options {
	return bootargs.Options{IP: o.IP, Nameservers: o.Nameservers, Names: o.Names, VLANs: o.VLANs,
		Bonds: o.Bonds, Bridges: o.Bridges, Routes: o.Routes, BootIF: o.BootIF}
}

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
