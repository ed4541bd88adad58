package disc

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// grubPC has GRUB's modules for BIOS.
const grubPC = "/usr/lib/grub/i386-pc"

// netLoader is GRUB as a firmware fetches it: by TFTP, and by HTTP too if it is UEFI.
type netLoader struct {
	name, format, modules string
	own                   string // modules that only this kind has
}

func netLoaders() []netLoader {
	return []netLoader{
		{"grubx64.efi", "x86_64-efi", grubEFI, "efinet efi_gop efi_uga"},
		{"grub.0", "i386-pc-pxe", grubPC, "pxe vbe"},
	}
}

// netModules are all that netGrubConfig needs. Without a prefix of its own GRUB takes the
// directory that it came from, and reads grub.cfg there.
const netModules = " net http tftp normal configfile regexp linux echo test serial terminal all_video boot chain halt reboot ls cat"

// netEntries are the boot menu over the network; the card to use is the one that was booted from.
func (d *Distro) netEntries(mac string) []entry {
	entries := d.entries()
	for i := range entries {
		entries[i].options = "inst.stage2=${stage2} BOOTIF=01-" + mac + " " + entries[i].options + " ${options}"
	}
	return entries
}

// ipxeScript starts the kernel beside it. The set is there too, unless an outer script says
// otherwise.
func (d *Distro) ipxeScript() string {
	// iPXE opens the kernel's options to the script's settings as well as GRUB's.
	e := d.netEntries("${netX/mac:hexhyp}")[0]
	return fmt.Sprintf(`#!ipxe
# %s over the network. A script that chains to this one can set
#   stage2   where the set is, if not beside this script: nfs:SERVER:/PATH
#   options  more kernel options: inst.ks=http://SERVER/ks.cfg
isset ${stage2} || set stage2 ${cwduri}
# iPXE before March 2024 doesn't know where a script is from, only what DHCP named.
isset ${stage2} || set stage2 ${filename}/..
kernel vmlinuz initrd=initrd.img %s
initrd initrd.img
boot
`, e.title, e.options)
}

// netGrubConfig is the menu of GRUB over the network. What it is started from is
// "(http,SERVER)/PATH", with a port as "(http,SERVER,PORT)/PATH"; by TFTP the
// first slash is missing, and the same tree is expected at a web server of the same name.
func (d *Distro) netGrubConfig() string {
	var text strings.Builder
	fmt.Fprintf(&text, `# site.cfg beside this file can set
#   stage2   where the set is, if not at the server that GRUB came from, by HTTP: nfs:SERVER:/PATH
#   options  more kernel options: inst.ks=http://SERVER/ks.cfg
regexp --set=1:server --set=2:port --set=3:dir '^\([a-z]+,([^,)]+),?([0-9]*)\)/?(.*)$' "$prefix"
if [ -n "$port" ]; then set server="$server:$port"; fi
set stage2="http://$server/$dir"
if [ -s $prefix/site.cfg ]; then source $prefix/site.cfg; fi
serial --unit=0 --speed=115200
terminal_input console serial
terminal_output console serial
set timeout=%d
set default=install
`, d.Boot.Timeout)
	for _, e := range d.netEntries("${net_default_mac}") {
		fmt.Fprintf(&text, "menuentry %q --id %s {\n  linux $prefix/vmlinuz %s\n  initrd $prefix/initrd.img\n}\n", e.title, e.id, e.options)
	}
	return text.String()
}

// bootNetwork puts what boots over the network at the top of the netboot tree.
func (w *setWriter) bootNetwork(ctx context.Context, dir string) error {
	for name, text := range map[string]string{"boot.ipxe": w.distro.ipxeScript(), "grub.cfg": w.distro.netGrubConfig()} {
		if err := writeFile(filepath.Join(dir, name), []byte(text)); err != nil {
			return err
		}
	}
	version, err := command(ctx, nil, "grub-mkimage", "--version")
	if err != nil {
		return err
	}
	from, err := w.cache.get(ctx, "netgrub", digest("1", version, w.epoch(), netModules, fmt.Sprint(netLoaders())), w.makeNetLoaders)
	if err != nil {
		return err
	}
	for _, l := range netLoaders() {
		if err := linkFile(filepath.Join(from, l.name), filepath.Join(dir, l.name)); err != nil {
			return err
		}
	}
	return nil
}

func (w *setWriter) makeNetLoaders(ctx context.Context, dir string) error {
	for _, l := range netLoaders() {
		program := filepath.Join(dir, l.name)
		args := []string{"-O", l.format, "-d", l.modules, "-p", "", "-o", program}
		if _, err := command(ctx, nil, "grub-mkimage", append(args, strings.Fields(l.own+netModules)...)...); err != nil {
			return err
		}
		if err := os.Chtimes(program, w.date, w.date); err != nil {
			return fmt.Errorf("date GRUB: %w", err)
		}
	}
	return nil
}
