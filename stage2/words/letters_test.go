package words

import (
	"strings"
	"testing"
)

func TestLetters(t *testing.T) {
	if got := Open("de").Letters(); !strings.Contains(got, "ä") || strings.Contains(got, "A") || strings.Count(got, "ä") != 1 {
		t.Errorf("German has %q", got)
	}
	if got := Open("en").Letters(); got != "" {
		t.Errorf("English has %q", got)
	}
}
