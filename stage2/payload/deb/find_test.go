package deb

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/stage2/payload"
)

const findIndex = `Package: vim-tiny
Version: 1
Installed-Size: 2048
Filename: disc1/pool/v/vim-tiny.deb
Size: 10
SHA256: %[1]s
Description: Vi IMproved - compact version

Package: vim
Version: 1
Filename: disc2/pool/v/vim.deb
Size: 10
SHA256: %[1]s
Description: Vi IMproved - enhanced editor

Package: nano
Version: 1
Filename: disc1/pool/n/nano.deb
Size: 10
SHA256: %[1]s
Description: small, friendly Text Editor

Package: neovim
Version: 1
Filename: disc2/pool/n/neovim.deb
Size: 10
SHA256: %[1]s
`

func TestSearch(t *testing.T) {
	records, err := parseIndex(strings.NewReader(fmt.Sprintf(findIndex, strings.Repeat("a", 64))))
	if err != nil {
		t.Fatal(err)
	}
	all := newIndex(records).findable()
	for words, want := range map[string]string{
		"vim": "vim vim-tiny neovim", "VIM": "vim vim-tiny neovim", "editor": "vim nano", "text editor": "nano", "im improved": "vim vim-tiny",
		"": "", "emacs": "", "vim nano": "", "compact vim": "vim-tiny",
	} {
		var names []string
		for _, f := range search(all, words) {
			names = append(names, f.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%q finds %q, want %q", words, got, want)
		}
	}
	want := payload.Found{Name: "vim-tiny", Description: "Vi IMproved - compact version", Size: 2 << 20, Disc: 1}
	if d := cmp.Diff(want, search(all, "vim-tiny")[0]); d != "" {
		t.Error(d)
	}
	near := spelledLike(all, "nnao")
	if len(near) != 1 || near[0].Name != "nano" || !near[0].Near {
		t.Errorf("like nnao: %+v", near)
	}
}

// TestSearchIsLimited: a letter doesn't list a whole archive.
func TestSearchIsLimited(t *testing.T) {
	var all []payload.Found
	for i := range 3 * payload.MostFound {
		all = append(all, payload.Found{Name: fmt.Sprintf("lib%03d", i)})
	}
	if n := len(search(all, "lib")); n != payload.MostFound {
		t.Errorf("%d were found", n)
	}
}
