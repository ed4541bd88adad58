package plain

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/dialog"
	"github.com/molt-installer/molt/stage2/words"
)

// TestCutOffConfirms: a connection that ends right behind the word confirms nothing.
func TestCutOffConfirms(t *testing.T) {
	for typed, want := range map[string]error{"yes\n": nil, "yes": ErrEnded} {
		w := words.Open("")
		u := Start(strings.NewReader(typed), io.Discard, "Tiny", w)
		c := &talk{UI: u, ctx: t.Context(), state: dialog.New(dialog.Facts{}, config.Answers{}, w)}
		if _, sure, err := c.sure(config.Answers{}); sure != (want == nil) || !errors.Is(err, want) {
			t.Errorf("%q: sure %v, %v", typed, sure, err)
		}
		if err := u.Close(); err != nil {
			t.Error(err)
		}
	}
}
