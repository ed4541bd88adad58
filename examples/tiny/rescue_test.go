package tiny_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/molt-installer/molt/internal/vm/vmtest"
)

// TestRescue: disc 1 again in a machine that has a system, this time to mend it. The system
// is mounted below /mnt/sysroot, what is written there stays, and the machine goes off as asked.
func TestRescue(t *testing.T) {
	installed := vmtest.Install(t, vmtest.Scenario{Set: "tiny", Append: direct, Kickstart: kickstart})
	r := vmtest.Begin(t, vmtest.Scenario{
		Set: "tiny", Disk: installed.Disk, Append: direct + " inst.rescue inst.ks=hd:LABEL=OEMDRV:/ks.cfg", Kickstart: "%pre\ntrue\n%end\npoweroff\n",
	})
	r.Expect(`"snake" on /dev/vda\d \(ext4\) is mounted read-write`)
	r.Expect(`chroot /mnt/sysroot`)
	r.Expect(`[$#] `)
	r.Type("cat /mnt/sysroot/etc/hostname; ls -d /mnt/sysroot/proc/self\n")
	r.Expect(`proc/self\s+snake\s+/mnt/sysroot/proc/self\s`)
	r.Type("chroot /mnt/sysroot /bin/sh -c 'id -un >/etc/mended'; exit\n")
	r.Finish()
	r.PoweredOff(t)
	r.CheckSaid(rootPassword, userPassword)
	r.CheckDisk(func(root string) {
		vmtest.CheckRoot(t, root)
		if text, err := os.ReadFile(filepath.Join(root, "etc/mended")); err != nil || string(text) != "root\n" {
			t.Errorf("/etc/mended is %q, %v", text, err)
		}
	})
}
