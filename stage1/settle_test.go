package stage1

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/internal/uevent"
	"github.com/molt-installer/molt/media"
)

const (
	stick = "bus/usb/devices/1-1:1.0"
	disk  = stick + "/host6/target6:0:0/6:0:0:0/block/sdb"
)

// sysfs makes directories and files of s's sysfs.
func sysfs(t *testing.T, s *session, dir string, files map[string]string) {
	t.Helper()
	dir = filepath.Join(s.devices.sys, dir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// plugged is a stick whose driver has yet to find its disk.
func plugged(t *testing.T, s *session) {
	t.Helper()
	sysfs(t, s, stick, map[string]string{"bInterfaceClass": "08\n"})
	sysfs(t, s, stick+"/driver", nil)
	sysfs(t, s, "bus/usb/devices/1-2:1.0/driver", nil) // a keyboard
	sysfs(t, s, "bus/usb/devices/1-2:1.0", map[string]string{"bInterfaceClass": "03\n"})
}

func blockEvent(action, name string) uevent.Event {
	return uevent.Event{Action: action, Path: "/devices/x/block/" + name, Env: map[string]string{"SUBSYSTEM": "block"}}
}

// fetched is what becomes of the search for a kickstart that nobody named.
type fetched struct {
	ks   *handoff.Kickstart
	err  error
	took time.Duration
}

func search(t *testing.T, s *session) <-chan fetched {
	t.Helper()
	if err := os.MkdirAll(s.dirs.scratch, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.dirs.scratch, kickstartName), []byte("text\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, start := make(chan fetched, 1), time.Now()
	go func() {
		ks, err := s.fetchKickstart(t.Context())
		c <- fetched{ks, err, time.Since(start)}
	}()
	return c
}

// TestStickThatIsSlow: the disk of a stick comes when stage 2 could be started, and its
// partition, which has the kickstart, with it.
func TestStickThatIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f, _ := testSession(t)
		plugged(t, s)
		found := search(t, s)
		synctest.Wait()
		sysfs(t, s, disk, nil) // there, and its partitions not known yet
		s.devices.event(uevent.Event{Action: "add", Env: map[string]string{"SUBSYSTEM": "scsi"}})
		synctest.Wait()
		select {
		case got := <-found:
			t.Fatalf("it didn't wait: %+v", got)
		default:
		}
		f.volumes = []media.Volume{{Path: "/dev/sdb1", FSType: "vfat", Label: kickstartLabel}}
		s.devices.event(blockEvent("add", "sdb"))
		if got := <-found; got.err != nil || got.ks == nil || got.ks.Origin != "hd:LABEL=OEMDRV:/ks.cfg" || got.took != 0 {
			t.Errorf("%+v, %+v", got, got.ks)
		}
	})
}

// TestNothingToWaitFor: no search takes any time once all is known, and a stick that
// never has a disk costs its time once.
func TestNothingToWaitFor(t *testing.T) {
	for name, c := range map[string]struct {
		stick, driver, known bool
		loads                int
		took                 time.Duration
	}{
		"no stick":            {},
		"a stick, known":      {stick: true, driver: true, known: true},
		"a stick, no driver":  {stick: true},
		"a stick, no disk":    {stick: true, driver: true, took: patience},
		"a driver that hangs": {loads: 1, took: patience},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, _, _ := testSession(t)
				if c.stick {
					sysfs(t, s, stick, map[string]string{"bInterfaceClass": "08\n"})
				}
				if c.driver {
					sysfs(t, s, stick+"/driver", nil)
				}
				if c.known {
					sysfs(t, s, disk, nil)
					sysfs(t, s, "class/block/sdb", nil)
					s.devices.present()
				}
				s.devices.loading(c.loads)
				if got := <-search(t, s); got.err != nil || got.ks != nil || got.took != c.took {
					t.Errorf("%+v", got)
				}
			})
		})
	}
}

// TestDriverThatIsDone: the end of a load is an event too, and so is a stick's being
// taken out.
func TestDriverThatIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, _ := testSession(t)
		plugged(t, s)
		s.devices.loading(1)
		found := search(t, s)
		synctest.Wait()
		if err := os.RemoveAll(filepath.Join(s.devices.sys, stick)); err != nil {
			t.Fatal(err)
		}
		s.devices.event(uevent.Event{Action: "remove", Env: map[string]string{"SUBSYSTEM": "usb"}})
		synctest.Wait()
		s.devices.loading(-1)
		if got := <-found; got.err != nil || got.ks != nil || got.took != 0 {
			t.Errorf("%+v", got)
		}
	})
}
