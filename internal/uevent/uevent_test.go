package uevent

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name, msg string
		want      Event
		ok        bool
	}{
		{"a disc comes", "change@/devices/x/block/sr0\x00ACTION=change\x00DISK_MEDIA_CHANGE=1\x00SUBSYSTEM=block\x00",
			Event{"change", "/devices/x/block/sr0", map[string]string{"ACTION": "change", "DISK_MEDIA_CHANGE": "1", "SUBSYSTEM": "block"}}, true},
		{"an equals sign in a value", "add@/devices/y\x00A=b=c\x00", Event{"add", "/devices/y", map[string]string{"A": "b=c"}}, true},
		{"udev's", "libudev\x00\xfe\xed\xca\xfe", Event{}, false},
		{"nothing", "", Event{}, false},
		{"no path", "add@\x00", Event{}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := Parse([]byte(c.msg))
			if ok != c.ok {
				t.Fatalf("ok = %v", ok)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	c, err := Open()
	if err != nil {
		t.Skip("no netlink here:", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := c.Run(ctx, func(Event) {}, func() {}); err != nil {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("add@/devices/x\x00MODALIAS=pci:v1\x00"))
	f.Fuzz(func(t *testing.T, msg []byte) {
		if e, ok := Parse(msg); ok && (e.Action == "" || e.Path == "" || e.Env == nil) {
			t.Errorf("half an event: %+v", e)
		}
	})
}
