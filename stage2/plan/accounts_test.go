package plan

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/payload"
)

// accountsWorld is a target with root alone.
func accountsWorld() *world {
	w := newWorld()
	w.AddFile("/target/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n")
	w.AddFile("/target/etc/group", "root:x:0:\n")
	return w
}

// TestRootBySSH: sshd of Debian 13 says "permitrootlogin yes" with this file.
func TestRootBySSH(t *testing.T) {
	for asked, want := range map[bool]string{true: "# Written by the installer: rootpw --allow-ssh.\nPermitRootLogin yes\n", false: ""} {
		w := accountsWorld()
		if err := (accounts{ssh: asked, root: config.Login{Hash: "$y$x"}}).Run(t.Context(), w.env); err != nil {
			t.Fatal(err)
		}
		got, _ := w.File("/target/etc/ssh/sshd_config.d/01-permitrootlogin.conf")
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	}
}

// TestRootBySSHWithoutServer is no error: the server may come later.
func TestRootBySSHWithoutServer(t *testing.T) {
	for name, warnings := range map[string]int{"openssh-server": 0, "vim": 1} {
		b := &builder{}
		b.Selection = &payload.Selection{Packages: []payload.Package{{Name: name}}}
		b.Answers.RootSSH, b.Answers.Root = true, config.Login{Hash: "$y$x", Set: true}
		b.accounts()
		if len(b.problems) > 0 || len(b.plan.Warnings) != warnings || warnings > 0 && !strings.Contains(b.plan.Warnings[0], "openssh-server") {
			t.Errorf("with %s: %v, %q", name, b.problems, b.plan.Warnings)
		}
	}
}
