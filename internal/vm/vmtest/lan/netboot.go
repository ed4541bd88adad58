package lan

import (
	"bytes"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/internal/vm/vmtest"
)

// Netboot starts dnsmasq and nginx as examples/netboot sets them up, with tree as
// the set that they are for. With rom they don't know iPXE by its name: so the one in QEMU's
// cards is the ROM of any card.
func (l *LAN) Netboot(tree string, rom bool) (dhcp, web *Server) {
	l.t.Helper()
	do(l.t, unix.Mount("tmpfs", "/srv", "tmpfs", 0, ""))
	do(l.t, os.MkdirAll("/srv/molt/tiny", 0o755))
	do(l.t, unix.Mount(tree, "/srv/molt/tiny", "", unix.MS_BIND, ""))
	examples := filepath.Join(vmtest.Root(l.t), "examples", "netboot")
	conf := l.write("nginx.conf", `daemon off; master_process off; pid /run/nginx.pid; error_log stderr notice; user root;
events {}
http { access_log /dev/stderr; include `+examples+`/nginx.conf; }
`)
	web = l.start("start worker process|using the", "nginx", "-e", "stderr", "-c", conf)
	dnsmasq, err := os.ReadFile(filepath.Join(examples, "dnsmasq.conf"))
	do(l.t, err)
	if rom {
		dnsmasq = bytes.Replace(dnsmasq, []byte("set:ipxe,iPXE"), []byte("set:ipxe,none"), 1)
	}
	return l.dnsmasq("--conf-file=" + l.write("dnsmasq.conf", string(dnsmasq))), web
}
