package disc

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Where the host's boot loaders are; the packages are in Requirements.
const (
	isolinuxBin = "/usr/lib/ISOLINUX/isolinux.bin"
	isohybrid   = "/usr/lib/ISOLINUX/isohdpfx.bin"
	syslinuxDir = "/usr/lib/syslinux/modules/bios"
	grubEFI     = "/usr/lib/grub/x86_64-efi"
)

// entry is a line of the boot menu.
type entry struct {
	id, title, options string
}

// entries are the boot menu. The last console= is the one a person is asked
// on; text goes to every one.
func (d *Distro) entries() []entry {
	screen, serial := "console=ttyS0,115200n8 console=tty0", "console=tty0 console=ttyS0,115200n8"
	line := func(options ...string) string {
		return strings.Join(strings.Fields(strings.Join(append(options, d.Boot.Append), " ")), " ")
	}
	name := d.Product + " " + d.Version
	return []entry{
		{"install", "Install " + name, line(screen, "quiet")},
		{"serial", "Install " + name + " over the serial line", line(serial, "quiet")},
	}
}

// isolinuxConfig is the menu for BIOS. Its menu needs menu.c32 and libutil.c32.
func (d *Distro) isolinuxConfig() string {
	var text strings.Builder
	fmt.Fprintf(&text, "serial 0 115200\nui menu.c32\nprompt 0\ntimeout %d\nmenu title %s %s\nmenu autoboot Starting in # second{,s}\nmenu tabmsg Tab: edit the options\ndefault install\n",
		d.Boot.Timeout*10, d.Product, d.Version) // in tenths of a second
	for _, e := range d.entries() {
		fmt.Fprintf(&text, "label %s\n  menu label %s\n  kernel /boot/vmlinuz\n  append initrd=/boot/initrd.img %s\n", e.id, e.title, e.options)
	}
	return text.String()
}

// grubConfig is the menu for UEFI.
func (d *Distro) grubConfig() string {
	var text strings.Builder
	fmt.Fprintf(&text, "serial --unit=0 --speed=115200\nterminal_input console serial\nterminal_output console serial\nset timeout=%d\nset default=install\n", d.Boot.Timeout)
	for _, e := range d.entries() {
		fmt.Fprintf(&text, "menuentry %q --id %s {\n  linux /boot/vmlinuz %s\n  initrd /boot/initrd.img\n}\n", e.title, e.id, e.options)
	}
	return text.String()
}

// efiStart finds the disc by a file that only this set's disc 1 has, whatever
// else is in the machine.
func efiStart(mark string) string {
	return fmt.Sprintf("search --no-floppy --set=root --file /%s\nset prefix=($root)/boot/grub\nconfigfile /boot/grub/grub.cfg\n", mark)
}

// grubModules are all that the menu needs.
func grubModules() []string {
	return strings.Fields("iso9660 fat part_gpt part_msdos search search_fs_file configfile normal linux echo test serial terminal all_video efi_gop efi_uga boot chain halt reboot ls cat")
}

// efiImage is a FAT image with GRUB as \EFI\BOOT\BOOTX64.EFI, which is both
// the El Torito image and the EFI system partition of a USB stick.
func (b *builder) efiImage(ctx context.Context, mark string) (string, error) {
	start := efiStart(mark)
	version, err := command(ctx, nil, "grub-mkimage", "--version")
	if err != nil {
		return "", err
	}
	key := digest("efi 1", start, version, b.epoch(), strings.Join(grubModules(), " "))
	dir, err := b.cache.get(ctx, "efi", key, func(ctx context.Context, dir string) error {
		return b.makeEFI(ctx, dir, start)
	})
	return filepath.Join(dir, "efi.img"), err
}

func (b *builder) makeEFI(ctx context.Context, dir, start string) error {
	early, program, image := filepath.Join(dir, "early.cfg"), filepath.Join(dir, "bootx64.efi"), filepath.Join(dir, "efi.img")
	if err := os.WriteFile(early, []byte(start), 0o644); err != nil {
		return fmt.Errorf("write GRUB's start: %w", err)
	}
	args := append([]string{"-O", "x86_64-efi", "-d", grubEFI, "-p", "/boot/grub", "-c", early, "-o", program}, grubModules()...)
	if _, err := command(ctx, nil, "grub-mkimage", args...); err != nil {
		return err
	}
	if err := os.Chtimes(program, b.date, b.date); err != nil {
		return fmt.Errorf("date GRUB: %w", err)
	}
	info, err := os.Stat(program)
	if err != nil {
		return fmt.Errorf("size GRUB: %w", err)
	}
	kib := (info.Size()/1024 + 512) / 64 * 64
	env := []string{b.epoch(), "MTOOLS_SKIP_CHECK=1", "TZ=UTC"}
	for _, args := range [][]string{
		{"mkfs.fat", "-C", "--invariant", "-n", "MOLT_EFI", image, fmt.Sprint(kib)},
		{"mmd", "-i", image, "::/EFI", "::/EFI/BOOT"},
		{"mcopy", "-m", "-i", image, program, "::/EFI/BOOT/BOOTX64.EFI"},
	} {
		if _, err := command(ctx, env, args[0], args[1:]...); err != nil {
			return err
		}
	}
	return nil
}
