package media_test

import (
	"testing"

	"github.com/molt-installer/molt/media"
)

func TestLabel(t *testing.T) {
	for want, set := range map[string]media.Set{
		"DEBIAN_13_D2":                     {Product: "Debian", Version: "13"},
		"A_VERY_LONG_NAME_OF_A_PRODUCT_D2": {Product: "A very long name of a product that goes on", Version: "1"},
		"G_TEBORG_1_2_D2":                  {Product: "Göteborg", Version: "1.2"},
	} {
		if got := set.Label(2); got != want || len(got) > 32 {
			t.Errorf("label %q, want %q", got, want)
		}
	}
}
