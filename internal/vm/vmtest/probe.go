package vmtest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Probe is a kickstart section that runs in stage 2 after the packages are in:
// it empties the page cache, reads every program of stage 2 and starts every one that is no
// script, several at a time, and notes that, the files under the loop devices, the mounts
// and the kernel's log in /root of the target, where CheckProbe looks.
const Probe = `
%post --nochroot
out=/mnt/sysimage/root
sync
echo 3 > /proc/sys/vm/drop_caches
cat /usr/bin/* /usr/sbin/* > /dev/null || echo "5 reading them all" > $out/probe-programs
n=0
for p in /usr/bin/* /usr/sbin/*; do
    [ -f "$p" ] && [ -x "$p" ] && ! [ -L "$p" ] || continue
    IFS= read -r first < "$p"
    case ${p##*/}:$first in
    *:'#!'* | killall5:* | init:* | reboot:* | poweroff:* | halt:* | shutdown:*) continue ;;
    esac
    { timeout 10 "$p" --version < /dev/null > /dev/null 2>&1; echo "$? $p"; } &
    n=$((n + 1))
    [ $((n % 8)) = 0 ] && wait
done >> $out/probe-programs
wait
cat /sys/block/loop*/loop/backing_file > $out/probe-loops
cat /proc/1/mountinfo > $out/probe-mounts
dmesg > $out/probe-kernel
%end
`

// fewestPrograms is less than any stage 2 has; fewer mean that the probe itself is broken.
const fewestPrograms = 100

// CheckProbe checks what Probe noted, in the target's root file system: every
// program could be read and started (a shell's 126 and 127 say that one could
// not; 132, 135, 137 and 139 that it died reading itself), stage 2 ran from the copy on the
// target, no optical disc was mounted, and the kernel had no I/O error.
func CheckProbe(t testing.TB, root string) {
	t.Helper()
	noted := func(name string) string { return string(must(os.ReadFile(filepath.Join(root, "root", name)))(t)) }
	programs := strings.Split(strings.TrimSpace(noted("probe-programs")), "\n")
	if len(programs) < fewestPrograms {
		t.Errorf("only %d programs were tried", len(programs))
	}
	fatal := strings.Fields("5 126 127 132 135 137 139")
	for _, line := range programs {
		if status, program, _ := strings.Cut(line, " "); slices.Contains(fatal, status) {
			t.Errorf("%s of stage 2 doesn't start after the switch: status %s", program, status)
		}
	}
	if loops := noted("probe-loops"); !strings.Contains(loops, "/.molt/stage2.img") {
		t.Errorf("stage 2 ran from %q, not from its copy on the target", loops)
	}
	if strings.Contains(noted("probe-mounts"), "iso9660") {
		t.Error("an optical disc was still mounted in the end")
	}
	CheckKernelLog(t, "the kernel's log", noted("probe-kernel"))
}
