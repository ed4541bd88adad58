package tiny_test

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/u-root/mkuimage/cpio"

	"github.com/molt-installer/molt/internal/vm"
	"github.com/molt-installer/molt/internal/vm/vmtest"
)

// TestExtras: updates laid over the installer, a driver disk, and the log at a
// server; all of them over HTTP, as a farm of machines has them.
func TestExtras(t *testing.T) {
	log := listenSyslog(t)
	driver, module := anyModule(t)
	seen := strings.Replace(kickstart, "%packages", `%post --nochroot --erroronfail
grep new /etc/updated && test -d /sys/module/`+strings.ReplaceAll(module, "-", "_")+`
%end
%packages`, 1)
	_, url := web(t, map[string][]byte{"ks.cfg": []byte(seen), "updates.cpio": updated(t), module + ".ko.xz": driver})
	r := vmtest.Install(t, online("inst.repo="+url, "inst.ks="+url+"ks.cfg", "inst.updates="+url+"updates.cpio",
		"inst.dd="+url+module+".ko.xz", "inst.syslog="+strings.Replace(log.address, "127.0.0.1", vm.HostAddress, 1)))
	checkServed(t, r)
	for _, want := range []string{"molt-stage1", "Bringing the network up", "molt-stage2", `"type":"finish","step":"relocate"`, `"type":"done"`} {
		if !log.has(want) {
			t.Errorf("the syslog server was never told %s", want)
		}
	}
}

func updated(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w := cpio.Newc.Writer(&b)
	if err := w.WriteRecord(cpio.StaticFile("etc/updated", "new\n", 0o644)); err != nil {
		t.Fatal(err)
	}
	if err := cpio.WriteTrailer(w); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// anyModule is a module of the set's kernel that isn't in the initramfs, and that
// nothing asks for.
func anyModule(t *testing.T) (image []byte, name string) {
	t.Helper()
	name = "ts_kmp"
	build := filepath.Dir(vmtest.OpenSet(t, "tiny").Dir)
	files, _ := filepath.Glob(filepath.Join(build, "cache/kernel/*/usr/lib/modules/*/kernel/lib", name+".ko.xz"))
	if len(files) == 0 {
		vmtest.Missing(t, "the kernel's package is not unpacked below %s/cache", build)
	}
	image, err := os.ReadFile(files[len(files)-1])
	if err != nil {
		t.Fatal(err)
	}
	return image, name
}

// syslogServer keeps what it is told.
type syslogServer struct {
	address string
	more    chan struct{} // has an element when there is more
	mu      sync.Mutex
	said    strings.Builder
}

func listenSyslog(t *testing.T) *syslogServer {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &syslogServer{address: conn.LocalAddr().String(), more: make(chan struct{}, 1)}
	var done sync.WaitGroup
	t.Cleanup(func() { conn.Close(); done.Wait() })
	done.Go(func() {
		buf := make([]byte, 64<<10)
		for {
			n, _, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			s.mu.Lock()
			s.said.Write(append(buf[:n:n], '\n'))
			s.mu.Unlock()
			select {
			case s.more <- struct{}{}:
			default:
			}
		}
	})
	return s
}

// has waits a moment for what is on its way.
func (s *syslogServer) has(text string) bool {
	for timeout := time.After(5 * time.Second); ; {
		s.mu.Lock()
		found := strings.Contains(s.said.String(), text)
		s.mu.Unlock()
		if found {
			return true
		}
		select {
		case <-s.more:
		case <-timeout:
			return false
		}
	}
}
