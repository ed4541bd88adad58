package stage1

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
)

func TestKickstartThatIsNotThereIsAFailure(t *testing.T) {
	for opt, says := range map[string]string{
		"file:/nonexistent/ks.cfg": "no such file", "hd:LABEL=KS:/a.ks": "no such drive or volume", "gopher://x": "must begin with",
	} {
		synctest.Test(t, func(t *testing.T) { // a volume is waited for
			s, _, _ := testSession(t)
			s.opts.Kickstart = []string{opt}
			_, err := s.fetchKickstart(context.Background())
			var f *Failure
			if !errors.As(err, &f) || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %v", opt, err)
			}
		})
	}
}

// A kickstart on a volume that is found later than the disc.
func TestKickstartOnASlowVolume(t *testing.T) {
	s, f, _ := testSession(t)
	s.opts.Kickstart = []string{"hd:LABEL=KS:/a.ks"}
	f.volumes = nil
	signalTo(s.devices.came)
	failure := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, err := s.fetchKickstart(ctx)
		failure <- err
	}()
	s.devices.arrived <- struct{}{} // taken: it waits
	s.devices.arrived <- struct{}{} // and has looked again
	select {
	case err := <-failure:
		t.Fatalf("it didn't wait: %v", err)
	default:
	}
	cancel()
	<-failure
}
