package plan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

// tables writes what the new system knows of its storage: fstab(5), crypttab(5) and
// mdadm.conf(5), and of its keyboard, on which passphrases are typed. They are there before packages are installed, since the
// initramfs that is then made is made after them.
type tables struct {
	base
	files map[string]string // name below /etc → content
}

func (s tables) Run(_ context.Context, env *Env) error {
	for _, name := range slices.Sorted(maps.Keys(s.files)) {
		if err := s.write(env, name); err != nil {
			return err
		}
	}
	return nil
}

func (s tables) write(env *Env, name string) error {
	if err := env.Host.MkdirAll(path.Dir(Target+"/etc/"+name), 0o755); err != nil {
		return fmt.Errorf("make the directory of %s: %w", name, err)
	}
	return etc(env, name, s.files[name])
}

// retable writes them once more where the installation has put others in their
// place, and makes the initramfs anew if it depends on them.
type retable struct{ tables }

func (s retable) Run(ctx context.Context, env *Env) error {
	stale, err := s.again(env)
	if err == nil && stale && hasProgram(env, "update-initramfs") {
		if err = inTarget(ctx, env, "update-initramfs", "-u", "-k", "all"); err != nil {
			err = fmt.Errorf("make the initramfs for what root is on: %w", err)
		}
	}
	if err == nil || !stale {
		return err
	}
	for name := range s.files { // so that another try makes it again
		if s.inInitramfs(name) {
			err = errors.Join(err, env.Host.Remove(Target+"/etc/"+name))
		}
	}
	return err
}

// again writes what has changed, and reports whether the initramfs has any of it.
func (s retable) again(env *Env) (stale bool, err error) {
	for _, name := range slices.Sorted(maps.Keys(s.files)) {
		is, err := env.Host.ReadFile(Target + "/etc/" + name)
		if err == nil && (string(is) == s.files[name] || name == keyboardFile && keyboardKept(string(is), s.files[name])) {
			continue
		}
		if err := s.write(env, name); err != nil {
			return stale, err
		}
		stale = stale || s.inInitramfs(name)
	}
	return stale, nil
}

// inInitramfs reports whether the initramfs has what a file says. It has a keyboard only
// where it asks for a passphrase.
func (s retable) inInitramfs(name string) bool {
	_, asks := s.files["crypttab"]
	return name != "fstab" && (name != keyboardFile || asks)
}

// storageTables are the files.
func (p *Plan) storageTables() map[string]string {
	files := map[string]string{"fstab": fstabText(p.volumes())}
	if text := p.crypttab(); text != "" {
		files["crypttab"] = text
	}
	if text := p.mdadmConf(); text != "" {
		files["mdadm/mdadm.conf"] = text
	}
	return files
}

// fstabText is fstab(5), each file system after the one it is mounted in.
func fstabText(volumes []Volume) string {
	mounts := slices.DeleteFunc(slices.Clone(volumes), func(v Volume) bool {
		return v.FSType == "" || v.FSType != "swap" && !strings.HasPrefix(v.Mount, "/") || v.FSType == "swap" && v.Mount != "swap"
	})
	slices.SortStableFunc(mounts, func(x, y Volume) int {
		return cmp.Or(swapRank(y)-swapRank(x), strings.Compare(x.Mount, y.Mount))
	})
	var b strings.Builder
	b.WriteString("# /etc/fstab: see fstab(5). Written by the installer.\n")
	for _, v := range mounts {
		mount, options, pass := v.Mount, "defaults", 2
		switch v.FSType {
		case "swap":
			mount, options, pass = "none", "sw", 0
		case "vfat":
			options = "umask=0077"
		case "ext2", "ext3", "ext4":
			if mount == "/" {
				options, pass = "errors=remount-ro", 1
			}
		default:
			pass = 0 // it checks itself
		}
		options = cmp.Or(v.Options, options)
		if v.Subvolume != "" && !strings.Contains(options, "subvol=") {
			options = strings.TrimPrefix(options+",subvol="+v.Subvolume, "defaults,")
		}
		source := "UUID=" + v.UUID
		if v.UUID == "" { // of an array or encrypted device that is kept, the machine's facts don't say it
			source = v.Device
		}
		fmt.Fprintf(&b, "%s %s %s %s 0 %d\n", source, mount, v.FSType, options, pass)
	}
	return b.String()
}

// crypttab lists the encrypted devices. Those that the root is on, or the swap space to wake
// up from, are opened by the initramfs; systemd asks once for all others.
func (p *Plan) crypttab() string {
	var b strings.Builder
	for _, l := range p.Layers {
		if l.Kind == LayerLUKS { // all by the initramfs: what opens others later is a package that not every system has
			fmt.Fprintf(&b, "%s UUID=%s none luks,discard,initramfs\n", l.Name, l.UUID)
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return "# /etc/crypttab: see crypttab(5). Written by the installer.\n" + b.String()
}

// below are the layers that device is on, from the top, and the devices in the end: partitions
// and disks. A btrfs has the name of its first device, so of several layers with one
// name the last is meant.
func (p *Plan) below(device string, layers []Layer) (on []Layer, devices []string) {
	i := len(layers) - 1
	for i >= 0 && (layers[i].Device != device || device == "") {
		i--
	}
	if i < 0 {
		return nil, []string{device}
	}
	members, in := layers[i].On, layers[:i]
	if g := slices.IndexFunc(in, func(l Layer) bool { return l.Kind == LayerGroup && l.Name == layers[i].Group }); g >= 0 {
		members, in = in[g].On, in[:g]
	}
	on = []Layer{layers[i]}
	for _, m := range members {
		l, d := p.below(m, in)
		on, devices = append(on, l...), append(devices, d...)
	}
	return on, devices
}

// mdadmConf names the arrays, so that they have their names whatever the machine is called.
func (p *Plan) mdadmConf() string {
	var b strings.Builder
	for _, l := range p.Layers {
		if l.Kind == LayerRAID {
			fmt.Fprintf(&b, "ARRAY %s UUID=%s\n", l.Device, l.UUID)
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return "# /etc/mdadm/mdadm.conf: see mdadm.conf(5). Written by the installer.\nHOMEHOST <system>\nMAILADDR root\n" + b.String()
}

// resume is the kernel's option for the swap space that is large enough to sleep in, if
// one was asked for.
func (b *builder) resume() string {
	s := b.Answers.Storage
	asked := s.Auto != nil && s.Auto.Hibernation || slices.ContainsFunc(s.Partitions, func(p config.Partition) bool { return p.Hibernation }) ||
		slices.ContainsFunc(s.Logicals, func(l config.Logical) bool { return l.Hibernation })
	var largest Volume
	for _, v := range b.plan.volumes() {
		if v.Mount == "swap" && v.Size > largest.Size {
			largest = v
		}
	}
	if !asked || largest.UUID == "" {
		return ""
	}
	return "resume=UUID=" + largest.UUID
}
