package plan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/molt-installer/molt/internal/bootargs"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/host"
)

// bootloader makes the target start by itself: GRUB by stage 2's own
// grub-install, its menu by the target's grub-mkconfig where it has one.
type bootloader struct {
	base
	efi     bool
	arch    string // Debian's name
	seen    disks
	disks   []string // whose boot sectors are written, by BIOS
	stable  []string // names of the disks that stay the same, for grub-pc's debconf answer
	sector  string   // by BIOS: another partition's first sector instead, or noSector
	esps    []string // where the EFI system partitions are mounted; the first is the usual
	vendor  string   // directory below EFI, "debian"
	product string   // in the menu
	kernel  string   // kernel options
	timeout int      // seconds
	serial  string   // GRUB's serial command, when the installation was on a serial line
	root    Volume
	boot    Volume   // where the kernels are: "/boot" if it is a file system of its own, else the root
	modules []string // of GRUB, to read boot
	locked  bool     // boot is encrypted: GRUB itself asks for the passphrase

	password   config.Secret // to change what is started, as GRUB has it; empty: none
	leaveOrder bool          // the firmware's boot order stays as it is
	esp        part          // the first of esps
}

// noSector is a bootloader's sector when GRUB is made and no sector written.
const noSector = "none"

func (s bootloader) Run(ctx context.Context, env *Env) error {
	if err := s.seen.check(env); err != nil {
		return err
	}
	if s.locked { // grub-install asks its own root's file
		if err := env.Host.WriteFile("/etc/default/grub", []byte("GRUB_ENABLE_CRYPTODISK=y\n"), 0o644); err != nil {
			return fmt.Errorf("let the boot loader open encrypted disks: %w", err)
		}
	}
	if err := s.installGRUB(ctx, env); err != nil {
		return err
	}
	if err := s.preseed(ctx, env); err != nil {
		return err
	}
	if !hasProgram(env, "grub-mkconfig") {
		return s.writeMenu(env)
	}
	if err := s.writePassword(env); err != nil {
		return err
	}
	if err := s.defaults(env); err != nil {
		return err
	}
	if err := s.nameRoot(env); err != nil {
		return err
	}
	if err := inTarget(ctx, env, "grub-mkconfig", "-o", "/boot/grub/grub.cfg"); err != nil {
		return fmt.Errorf("make the boot menu: %w", err)
	}
	return nil
}

// installGRUB writes the boot sector of every disk that can start the system, or the
// path every UEFI firmware looks at; the vendor's path and the firmware's boot entry
// come after it and may fail.
func (s bootloader) installGRUB(ctx context.Context, env *Env) error {
	if !s.efi {
		return s.installBIOS(ctx, env)
	}
	for i, esp := range s.esps {
		if err := s.installESP(ctx, env, esp, i == 0); err != nil {
			return err
		}
	}
	return nil
}

// installBIOS makes GRUB's image, and writes the sectors that load it. A partition has
// no room for the image as a rule: it is listed block by block then, which grub-install
// does only when it is forced to.
func (s bootloader) installBIOS(ctx context.Context, env *Env) error {
	args := []string{"grub-install", "--target=i386-pc", "--no-floppy", "--boot-directory=" + Target + "/boot"}
	on := s.disks
	switch s.sector {
	case "":
	case noSector:
		args, on = append(args, "--no-bootsector"), on[:min(1, len(on))]
	default:
		args, on = append(args, "--force"), []string{s.sector}
	}
	for _, device := range on {
		if err := run(ctx, env, append(slices.Clone(args), device)...); err != nil {
			return fmt.Errorf("install the boot loader on %s: %w", device, err)
		}
	}
	return nil
}

// nameRoot makes the link by which grub-mkconfig sees that the root can be named by its
// UUID: there is no udev to make it.
func (s bootloader) nameRoot(env *Env) error {
	const dir = "/dev/disk/by-uuid"
	err := env.Host.MkdirAll(dir, 0o755)
	if err == nil {
		err = env.Host.Symlink(s.root.Device, dir+"/"+s.root.UUID)
	}
	if err != nil {
		return fmt.Errorf("give the root a name by its UUID: %w", err)
	}
	return nil
}

// preseed answers what the packages of GRUB would ask at their next upgrade.
func (s bootloader) preseed(ctx context.Context, env *Env) error {
	if !hasProgram(env, "debconf-set-selections") {
		return nil
	}
	answers := "grub-pc grub-pc/install_devices multiselect " + strings.Join(s.stable, ", ") + "\n"
	switch {
	case !s.efi && len(s.stable) == 0: // else it asks whether none is meant, and on which disk it shall be
		answers += "grub-pc grub-pc/install_devices_empty boolean true\n"
	case s.efi:
		own := len(s.esps) == 0 || s.othersLoader(env, s.esps[0]) == nil
		answers = fmt.Sprintf("grub-efi-amd64 grub2/force_efi_extra_removable boolean %t\n", own)
	}
	c := host.Command{Args: []string{"debconf-set-selections"}, Root: Target, Stdin: answers}
	if err := runIn(ctx, env, c); err != nil {
		warn(env, "an upgrade of the boot loader will ask where it is: "+err.Error())
	}
	return nil
}

// defaults edits the file grub-mkconfig reads.
func (s bootloader) defaults(env *Env) error {
	old, err := env.Host.ReadFile(Target + "/etc/default/grub")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the boot loader's defaults: %w", err)
	}
	text := string(old)
	set := func(name, value string) { text = setVar(text, name, value) }
	set("GRUB_TIMEOUT", strconv.Itoa(s.timeout))
	set("GRUB_CMDLINE_LINUX", s.kernel)
	if s.locked {
		set("GRUB_ENABLE_CRYPTODISK", "y")
	}
	if s.serial != "" {
		set("GRUB_TERMINAL", "console serial")
		set("GRUB_SERIAL_COMMAND", s.serial)
	}
	return etc(env, "default/grub", text)
}

// setVar sets a variable in a file of shell assignments, in place of the first
// line that sets it, be it as a comment.
func setVar(text, name, value string) string {
	line := name + "=" + shellQuote(value)
	at := regexp.MustCompile(`(?m)^#?[ \t]*` + name + `=.*$`).FindStringIndex(text)
	if at != nil {
		return text[:at[0]] + line + text[at[1]:]
	}
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return text + line + "\n"
}

func shellQuote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "`", "\\`").Replace(s) + `"`
}

// writeMenu makes a menu of the kernels that are there.
func (s bootloader) writeMenu(env *Env) error {
	kernels, err := env.Host.Glob(Target + "/boot/vmlinuz*")
	if err != nil {
		return fmt.Errorf("look for kernels: %w", err)
	}
	if len(kernels) == 0 {
		return errors.New("the new system has no kernel in /boot: is one among the chosen packages?")
	}
	slices.Sort(kernels)
	slices.Reverse(kernels)
	if s.password != "" && !isBootHash(s.password) {
		return errNoBootHash
	}
	file := Target + "/boot/grub/grub.cfg"
	if err := env.Host.WriteFile(file, []byte(s.menu(env, kernels)), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return nil
}

func (s bootloader) menu(env *Env, kernels []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "set timeout=%d\n", s.timeout)
	for _, m := range s.modules {
		b.WriteString("insmod " + m + "\n")
	}
	if s.serial != "" {
		b.WriteString(s.serial + "\nterminal_input console serial\nterminal_output console serial\n")
	}
	b.WriteString("search --no-floppy --fs-uuid --set=root " + s.boot.UUID + "\n")
	options, free := s.kernel, ""
	if s.password != "" {
		b.WriteString(bootPassword(s.password))
		free = "--unrestricted "
	}
	if s.root.Subvolume != "" {
		options = strings.TrimSpace("rootflags=subvol=" + s.root.Subvolume + " " + options)
	}
	for _, k := range kernels {
		name := strings.TrimPrefix(k, Target)
		title := strings.TrimPrefix(name, "/boot/")
		if s.boot.Mount != "/" {
			name = strings.TrimPrefix(name, s.boot.Mount)
		}
		name = path.Join("/", s.boot.Subvolume, name)
		fmt.Fprintf(&b, "menuentry '%s, %s' %s{\n\tlinux %s root=UUID=%s ro %s\n", s.product, title, free, name, s.root.UUID, options)
		if initrd := initrdOf(env, k); initrd != "" {
			b.WriteString("\tinitrd " + path.Join(path.Dir(name), initrd) + "\n")
		} else {
			warn(env, "the kernel "+title+" has no initramfs in /boot: it starts only if it has all that the disks need built in")
		}
		b.WriteString("}\n")
	}
	return b.String()
}

// initrdOf is the name of a kernel's initramfs, as the tools of Debian, SUSE and Fedora call it;
// empty: there is none.
func initrdOf(env *Env, kernel string) string {
	version := strings.TrimPrefix(path.Base(kernel), "vmlinuz")
	for _, name := range []string{"initrd.img" + version, "initrd" + version, "initramfs" + version + ".img"} {
		if exists(env, path.Join(path.Dir(kernel), name)) {
			return name
		}
	}
	return ""
}

// kernelOptions are the ones that were asked for, and the consoles of the
// installation, so that the system answers where the installer did.
func kernelOptions(appended, commandLine string) string {
	words := strings.Fields(appended)
	if !strings.Contains(" "+appended, " console=") {
		for _, p := range bootargs.Split(commandLine) {
			if p.Name == "console" {
				words = append(words, p.String())
			}
		}
	}
	return strings.Join(words, " ")
}

// serialCommand is GRUB's serial command for the last console= on a PC's
// serial line, as ttyS0,115200n8; empty when there is none.
func serialCommand(commandLine string) string {
	last := ""
	for _, p := range bootargs.Split(commandLine) {
		if unit, ok := strings.CutPrefix(p.Value, "ttyS"); ok && p.Name == "console" {
			last = unit
		}
	}
	if last == "" {
		return ""
	}
	unit, options, _ := strings.Cut(last, ",")
	speed := regexp.MustCompile(`^[0-9]+`).FindString(options)
	return "serial --unit=" + unit + " --speed=" + cmp.Or(speed, "9600")
}
