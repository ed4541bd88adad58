package lan

import (
	"bytes"
	"testing"
)

func TestTags(t *testing.T) {
	plain := []byte("dddddd" + "ssssss" + "\x08\x00" + "payload")
	tagged := []byte("dddddd" + "ssssss" + "\x81\x00\x00\x05" + "\x08\x00" + "payload")
	if got := tag(plain, 5); !bytes.Equal(got, tagged) {
		t.Errorf("tagged: %q", got)
	}
	if got := untag(tagged, 5); !bytes.Equal(got, plain) {
		t.Errorf("untagged: %q", got)
	}
	for _, other := range [][]byte{plain, tag(plain, 6), tagged[:14], nil} {
		if got := untag(other, 5); got != nil {
			t.Errorf("%q passed as %q", other, got)
		}
	}
}
