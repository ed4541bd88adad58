package disc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Requirement is a package that building or testing needs of the host.
type Requirement struct {
	Package string
	Path    string // a file of it, as a pattern of filepath.Match; or a program's name
	Why     string
}

// Requirements are all packages needed of a Debian 12 or 13 host, besides Go.
func Requirements() []Requirement {
	return []Requirement{
		{"ca-certificates", "/etc/ssl/certs/ca-certificates.crt", "Go fetches its modules by https"},
		{"debian-archive-keyring", "/usr/share/keyrings/debian-archive-trixie-stable.*", "packages are checked against Debian's keys"},
		{"mmdebstrap", "mmdebstrap", "makes the system in which the installed system's initramfs is built"},
		{"squashfs-tools", "mksquashfs", "makes the stage 2 image"},
		{"xorriso", "xorriso", "writes the ISO images"},
		{"isomd5sum", "implantisomd5", "makes the images checkable"},
		{"isolinux", isolinuxBin, "boots a disc by BIOS"},
		{"syslinux-common", syslinuxDir + "/menu.c32", "the boot menu for BIOS"},
		{"grub-common", "grub-mkimage", "makes the boot loader for UEFI"},
		{"grub-efi-amd64-bin", grubEFI + "/iso9660.mod", "boots a disc, or over the network, by UEFI"},
		{"grub-pc-bin", grubPC + "/pxe.mod", "boots over the network by BIOS"},
		{"dosfstools", "mkfs.fat", "makes the EFI system partition of disc 1"},
		{"mtools", "mcopy", "fills it"},
		{"kmod", "depmod", "lists the kernel's modules"},
		{"cpio", "cpio", "packs the initramfs of the tiny example"},
		{"xz-utils", "xz", "unpacks its kernel modules"},
		{"zstd", "zstd", "packs initramfs archives"},
	}
}

// TestRequirements are what running a set and the tests need besides.
func TestRequirements() []Requirement {
	return []Requirement{
		{"qemu-system-x86", "qemu-system-x86_64", "the machines in which sets are tried out"},
		{"ovmf", "/usr/share/OVMF/OVMF_CODE*.fd", "their UEFI"},
		{"fdisk", "sfdisk", "checks partition tables in tests"},
		{"e2fsprogs", "mkfs.ext4", "checks file systems in tests"},
		{"xfsprogs", "mkfs.xfs", "checks file systems in tests"},
		{"util-linux", "losetup", "loop devices in tests"},
		{"busybox-static", "busybox", "the programs of systems that tests make"},
		{"erofs-utils", "mkfs.erofs", "images for loop devices in tests"},
		{"gdisk", "sgdisk", "a second opinion on partition tables in tests"},
		{"btrfs-progs", "mkfs.btrfs", "volumes to recognise in tests"},
		{"lvm2", "lvm", "volume groups to recognise in tests"},
		{"mdadm", "mdadm", "arrays to compare with in tests"},
		{"exfatprogs", "mkfs.exfat", "volumes to recognise in tests"},
		{"ntfs-3g", "mkntfs", "volumes to recognise in tests"},
		{"nginx", "nginx", "a real web server for sources in tests"},
		{"vsftpd", "vsftpd", "a real FTP server for sources in tests"},
		{"iproute2", "ip", "networks in tests"},
		{"dnsmasq-base", "dnsmasq", "DHCP, router advertisements and names in tests of the network"},
		{"nftables", "nft", "checks and loads installed systems' firewalls in tests"},
		{"ifupdown", "ifup", "sets up installed systems' networks in tests"},
		{"dhcpcd-base", "dhcpcd", "with it"},
		{"systemd", "/usr/lib/systemd/systemd-networkd", "does that too"},
		{"nfs-ganesha-vfs", "/usr/lib/*/ganesha/libfsalvfs.so", "an NFS server in user space, which needs no kernel with one"},
		{"nfs-ganesha", "ganesha.nfsd", "its program"},
		{"rpcbind", "rpcbind", "tells NFS clients of version 3 its ports"},
		{"cryptsetup-bin", "veritysetup", "a second opinion on hash trees in tests"},
		{"man-db", "man", "reads loopctl's manual page in tests"},
		{"groff-base", "groff", "a second opinion on it"},
		{"mandoc", "mandoc", "a third, stricter one"},
		{"zsh", "zsh", "completes loopctl's command lines in tests"},
		{"fish", "fish", "completes them too"},
	}
}

// Missing says which of these the host doesn't have.
func Missing(requirements []Requirement) []Requirement {
	var missing []Requirement
	for _, r := range requirements {
		if !r.there() {
			missing = append(missing, r)
		}
	}
	return missing
}

func (r Requirement) there() bool {
	if filepath.IsAbs(r.Path) {
		found, err := filepath.Glob(r.Path)
		return err == nil && len(found) > 0
	}
	if _, err := exec.LookPath(r.Path); err == nil {
		return true
	}
	_, err := os.Stat("/usr/sbin/" + r.Path) // not on a plain user's PATH
	return err == nil
}

// Install installs packages through the host's apt. It fetches the package
// lists only when apt doesn't know one of the packages.
func Install(ctx context.Context, missing []Requirement, log io.Writer) error {
	var names []string
	for _, m := range missing {
		names = append(names, m.Package)
	}
	if _, err := command(ctx, nil, "apt-get", append([]string{"install", "-s", "-qq"}, names...)...); err != nil {
		fmt.Fprintln(log, "apt-get update: some of these are not in this machine's package lists")
		if err := loud(ctx, log, "apt-get", "update", "-q"); err != nil {
			return err
		}
	}
	args := append([]string{"install", "-y", "-q", "--no-install-recommends"}, names...)
	return quietly(ctx, log, missing, func() error { return loud(ctx, log, "apt-get", args...) })
}

// services are units that packages of ours bring and enable. Tests start what
// they need themselves; on this machine none of them has been asked for.
func services() map[string][]string {
	return map[string][]string{
		"nginx": {"nginx.service"}, "vsftpd": {"vsftpd.service"}, "ifupdown": {"networking.service"},
		"nfs-ganesha": {"nfs-ganesha.service"}, "rpcbind": {"rpcbind.service", "rpcbind.socket"},
	}
}

// policy is asked before a maintainer script starts a service (invoke-rc.d(8)).
const policy = "/usr/sbin/policy-rc.d"

// quietly installs without starting a service, now or with the next boot.
func quietly(ctx context.Context, log io.Writer, packages []Requirement, install func() error) error {
	var units []string
	for _, r := range packages {
		units = append(units, services()[r.Package]...)
	}
	if len(units) == 0 {
		return install()
	}
	fmt.Fprintf(log, "These services come with them and stay off: %s\n", strings.Join(units, ", "))
	if _, err := os.Lstat(policy); errors.Is(err, os.ErrNotExist) {
		if err := os.WriteFile(policy, []byte("#!/bin/sh\nexit 101 # by molt deps, for as long as it installs\n"), 0o755); err != nil {
			return fmt.Errorf("keep services from starting: %w", err)
		}
		defer os.Remove(policy)
	}
	if err := install(); err != nil {
		return err
	}
	if _, err := exec.LookPath("systemctl"); err != nil {
		return nil // nothing enables them
	}
	return loud(ctx, log, "systemctl", append([]string{"disable", "--quiet"}, units...)...)
}

// loud runs a program that shows what it does.
func loud(ctx context.Context, log io.Writer, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", name, args[0], err)
	}
	return nil
}
