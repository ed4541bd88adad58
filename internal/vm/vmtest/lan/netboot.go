package lan

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/internal/vm/vmtest"
)

// Netboot starts dnsmasq and nginx as examples/netboot sets them up, with tree as
// the set that they are for.
func (l *LAN) Netboot(tree string) (dhcp, web *Server) {
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
	return l.dnsmasq("--conf-file=" + filepath.Join(examples, "dnsmasq.conf")), web
}
