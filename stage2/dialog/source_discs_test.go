package dialog

import (
	"slices"
	"testing"

	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/words"
)

// TestChosenDiscs: the discs of a kind of system count as those of groups do.
func TestChosenDiscs(t *testing.T) {
	catalog := &media.Catalog{
		Groups:       []media.Group{{ID: "tools", Discs: []int{2}}, {ID: "web", Discs: []int{2, 3}}},
		Environments: []media.Environment{{ID: "server", Groups: []string{"tools"}}},
	}
	for _, c := range []struct {
		chosen config.Software
		want   []int
	}{
		{config.Software{}, []int{1}},
		{config.Software{Groups: []string{"web"}}, []int{1, 2, 3}},
		{config.Software{Environment: "server"}, []int{1, 2}},
		{config.Software{Environment: "server", Groups: []string{"web"}}, []int{1, 2, 3}},
	} {
		s := New(Facts{Product: "Tiny 1", Catalog: catalog}, config.Answers{Software: c.chosen}, words.Open(words.English))
		if got := s.chosenDiscs(); !slices.Equal(got, c.want) {
			t.Errorf("%+v: discs %v, want %v", c.chosen, got, c.want)
		}
	}
}
