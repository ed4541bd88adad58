package tiny_test

import (
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/molt-installer/molt/internal/vm"
	"github.com/molt-installer/molt/internal/vm/vmtest"
)

// TestSSH installs over SSH: one person answers, another one looks on, the line of the first is cut in the
// middle of the installation, and they come back to where it is.
func TestSSH(t *testing.T) {
	const password, takeOver, next = "visit-17-snakes", "\x14", "\x0e"
	screen := vmtest.NewScreen()
	r := vmtest.Begin(t, vmtest.Scenario{Set: "tiny", Console: screen, NICs: []vm.NIC{vmtest.SSHCard()}, Timeout: 10 * time.Minute,
		Append: direct + " ip=10.0.2.15::10.0.2.2:255.255.255.0::eth0:none inst.sshd inst.sshd.password=" + password})
	login := func(columns, rows int) *vmtest.Viewer {
		t.Helper()
		v, err := r.View(columns, rows, ssh.Password(password))
		fatal(t, err)
		return v
	}
	r.WaitScreen(screen, "ssh root@10.0.2.15", "SHA256:", "Language (1 of ")
	if v, err := r.View(80, 24, ssh.Password("visit-17-snake")); err == nil {
		t.Errorf("a wrong password opens it:\n%s", v.Text())
	}
	one := login(100, 30)
	r.WaitScreen(screen, one.HostKey)
	other := login(80, 24)
	other.Wait("Language (1 of ", "Watching what is done at the console.")
	one.Wait("Language (1 of ")
	one.Type(takeOver)
	one.Wait("2 watch")
	for _, p := range []struct{ shows, keys string }{
		{"Language (1 of ", next},
		{"Keyboard (2 of ", next},
		{"Time zone (3 of ", next},
		{"Software (", "\t " + next},
		{"Destination (", next},
		{"Root and users (", "\rAda L\rada\r\r" + userPassword + "\r" + userPassword + "\r\r"},
		{"Ada L", "\t\x1b[B\r" + rootPassword + "\r" + rootPassword + "\r" + next},
		{"Host name (", "\x15snake\r"},
		{"Install ...", "\r"},
		{"Erase and install", "\x1b[C\r"},
	} {
		one.Wait(p.shows)
		other.Wait(p.shows)
		one.Type(p.keys)
	}
	r.Until(started("relocate"))
	one.Drop()
	other.Wait("Installing", "Watching what is done at the console.")
	one = login(100, 30)
	one.Wait("Installing", "%")
	one.Type(takeOver)
	r.Finish()
	other.Wait("The system is installed")
	one.Wait("The system is installed", "Switch off")
	one.Type("\x1b[B\r")
	r.PoweredOff(t)
	r.CheckEvents(rootPassword, userPassword, password)
	r.CheckSaid(rootPassword, userPassword)
	r.CheckShed()
	r.CheckDisk(func(root string) { vmtest.CheckRoot(t, root, rootPassword, userPassword, password) })
}
