package mediatest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openwall/yescrypt-go"
)

// Vsftpd is how Debian's FTP server is set up.
type Vsftpd struct {
	Dir            string
	User, Password string   // if empty it is anonymous
	More           []string // lines of vsftpd.conf(5)
}

// Start runs it until the test ends.
func (v Vsftpd) Start(t testing.TB) *Daemon {
	t.Helper()
	program := find(t, "vsftpd")
	port := freePort(t, "127.0.0.1")
	tmp := t.TempDir()
	empty := filepath.Join(tmp, "empty")
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	lines := append([]string{"listen=YES", "listen_address=127.0.0.1", "listen_port=" + port, "background=NO",
		"secure_chroot_dir=" + empty, "seccomp_sandbox=NO", "xferlog_enable=NO"}, v.More...)
	args := []string{program}
	if v.User == "" {
		lines = append(lines, "anonymous_enable=YES", "local_enable=NO", "anon_root="+forAll(t, v.Dir))
	} else {
		lines = append(lines, "anonymous_enable=NO", "local_enable=YES", "chroot_local_user=YES", "local_root="+forAll(t, v.Dir))
		args = v.withLogin(t, tmp, program)
	}
	conf := writeFile(t, tmp, "conf", strings.Join(lines, "\n")+"\n", 0o600)
	return startDaemon(t, net.JoinHostPort("127.0.0.1", port), append(args, conf)...)
}

// withLogin is the command that has the server know one user: it sees a passwd and
// a shadow of its own, in a mount namespace of its own.
func (v Vsftpd) withLogin(t testing.TB, tmp, program string) []string {
	t.Helper()
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		t.Skip("unshare is not installed")
	}
	hash, err := yescrypt.Hash([]byte(v.Password), []byte("$y$j75$c29tZXRoaW5nIHNhbHR5"))
	if err != nil {
		t.Fatal(err)
	}
	users, err := os.ReadFile("/etc/passwd")
	if err != nil {
		t.Fatal(err)
	}
	passwd := writeFile(t, tmp, "passwd", fmt.Sprintf("%s%s:x:65533:65534::/:/bin/sh\n", users, v.User), 0o644)
	shadow := writeFile(t, tmp, "shadow", fmt.Sprintf("%s:%s:19000:0:99999:7:::\n", v.User, hash), 0o600)
	return []string{unshare, "--mount", "sh", "-c", `mount --bind "$0" /etc/passwd && mount --bind "$1" /etc/shadow && shift && exec "$@"`, passwd, shadow, program}
}
