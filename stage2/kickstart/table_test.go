package kickstart

import (
	"sort"
	"strings"
	"testing"
)

// TestTables: every row says what becomes of it, and no name stands for two things.
func TestTables(t *testing.T) {
	for name, c := range theLanguage() {
		switch {
		case c.removed != "":
		case (c.fate == used) != (c.apply != nil):
			t.Errorf("%s: used is %v, apply is there: %v", name, c.fate == used, c.apply != nil)
		case (c.fate == used) == (c.why != ""):
			t.Errorf("%s: used is %v, because %q", name, c.fate == used, c.why)
		}
		seen := map[string]bool{}
		for _, o := range c.options {
			for _, n := range o.names {
				if seen[n] {
					t.Errorf("--%s of %s stands for two options", n, name)
				}
				seen[n] = true
			}
			if c.fate == used && (o.fate == used) == (o.why != "") {
				t.Errorf("--%s of %s: used is %v, because %q", o.names[0], name, o.fate == used, o.why)
			}
		}
		for _, other := range c.excludes {
			if theLanguage()[other] == nil {
				t.Errorf("%s excludes %s, which is no command", name, other)
			}
		}
	}
}

// TestAllCommands has the list of the documentation, so that none is forgotten.
func TestAllCommands(t *testing.T) {
	want := strings.Fields(`auth authconfig authselect autopart autostep bootc bootloader btrfs cdrom clearpart cmdline device
		deviceprobe dmraid driverdisk eula fcoe firewall firstboot graphical group halt harddrive hmc ignoredisk install iscsi
		iscsiname keyboard lang liveimg logging logvol mediacheck module mount multipath network nfs nvdimm ostreecontainer
		ostreesetup part partition poweroff raid rdp realm reboot repo reqpart rescue rootpw selinux services shutdown skipx
		snapshot sshkey sshpw text timesource timezone updates url user vnc volgroup xconfig zerombr zfcp zipl`)
	var got []string
	for name := range theLanguage() {
		got = append(got, name)
	}
	sort.Strings(got)
	if g, w := strings.Join(got, " "), strings.Join(want, " "); g != w {
		t.Errorf("%d commands:\n%s\nwant %d:\n%s", len(got), g, len(want), w)
	}
}
