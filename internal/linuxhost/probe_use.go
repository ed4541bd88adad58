package linuxhost

import (
	"cmp"
	"os"
	"strings"
)

// users says what uses a block device: by its number "8:1", and by its name.
type users map[string]string

// users collects mounts and swap. The mounts are those of PID 1, because
// stage 2's own file doesn't show what is mounted outside of its root.
func (p prober) users() (users, error) {
	data, err := os.ReadFile(p.path("proc/1/mountinfo"))
	if err != nil {
		data, err = os.ReadFile(p.path("proc/self/mountinfo"))
	}
	if err != nil {
		return nil, err
	}
	u := users{}
	for line := range strings.Lines(string(data)) {
		u.addMount(strings.Fields(line))
	}
	for line := range strings.Lines(p.text("proc/swaps")) {
		if words := strings.Fields(line); len(words) > 1 && strings.HasPrefix(words[0], "/dev/") {
			u.add(words[0], "in use as swap")
		}
	}
	return u, nil
}

// addMount takes a line of proc_pid_mountinfo(5). The device of btrfs has a
// made-up number, so the name counts too.
func (u users) addMount(words []string) {
	if len(words) < 10 {
		return
	}
	use := "mounted on " + unescapeMount(words[4])
	u.add(words[2], use)
	for i, w := range words {
		if w == "-" && i+2 < len(words) && strings.HasPrefix(words[i+2], "/dev/") {
			u.add(words[i+2], use)
		}
	}
}

// add keeps the first use, which is the outermost mount.
func (u users) add(device, use string) {
	if u[device] == "" {
		u[device] = use
	}
}

// of is what uses the device with this directory in sysfs. What is only built on it
// can be ended, if it is a thing that Release knows and is itself in no use.
func (u users) of(p prober, dir, device string) string {
	names := []string{p.text(dir + "/dev"), device}
	if name := p.text(dir + "/dm/name"); name != "" {
		names = append(names, "/dev/mapper/"+name) // as btrfs is mounted, whose number is its own
	}
	for _, name := range names {
		if use := u[name]; use != "" {
			return use
		}
	}
	for _, name := range p.list(dir + "/holders") {
		holder := "sys/block/" + name
		use := cmp.Or(u.of(p, holder, "/dev/"+name), u.ofParts(p, holder))
		if !p.ours(holder) {
			return "used by " + name
		}
		if use != "" {
			return "used by " + name + ", which is " + use
		}
	}
	return ""
}

// ofParts is what uses a partition of the device.
func (u users) ofParts(p prober, dir string) string {
	for _, name := range p.list(dir) {
		if p.text(dir+"/"+name+"/partition") == "" {
			continue
		}
		if use := u.of(p, dir+"/"+name, "/dev/"+name); use != "" {
			return use
		}
	}
	return ""
}

// ours reports whether a device is an array, a logical volume or an encrypted device. Others,
// as those of several ways to one disk, are not for an installer to end.
func (p prober) ours(dir string) bool {
	kind := p.text(dir + "/dm/uuid")
	return strings.HasPrefix(kind, "LVM-") || strings.HasPrefix(kind, "CRYPT-") || len(p.list(dir+"/md")) > 0
}

// unescapeMount undoes the octal escapes of the kernel.
func unescapeMount(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}
