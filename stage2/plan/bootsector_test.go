package plan

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/host"
	"github.com/molt-installer/molt/stage2/host/hosttest"
	"github.com/molt-installer/molt/stage2/kickstart"
	"github.com/molt-installer/molt/stage2/machine"
)

// TestBootSector: which sectors a BIOS's GRUB is put into, and what its package is told.
func TestBootSector(t *testing.T) {
	const install = "grub-install --target=i386-pc --no-floppy --boot-directory=/target/boot "
	boot := Volume{Device: "/dev/sda2", Number: 2, Mount: "/boot", FSType: "ext4"}
	for name, tt := range map[string]struct {
		boot   config.Bootloader
		want   []string
		stable []string
	}{
		"of disks":       {config.Bootloader{}, []string{install + "/dev/sda", install + "/dev/sdb"}, []string{"/dev/disk/by-id/ata-A", "/dev/sdb"}},
		"of a partition": {config.Bootloader{Location: "partition"}, []string{install + "--force /dev/sda2"}, []string{"/dev/disk/by-id/ata-A-part2"}},
		"of none":        {config.Bootloader{NoMBR: true}, []string{install + "--no-bootsector /dev/sda"}, nil},
	} {
		b := &builder{}
		b.Answers.Boot, b.Machine.Firmware = tt.boot, machine.BIOS
		b.Machine.Disks = []machine.Disk{{Path: "/dev/sda", Links: []string{"/dev/disk/by-id/ata-A"}}}
		b.plan.Disks = []Disk{{Path: "/dev/sda", Parts: []Volume{boot}}, {Path: "/dev/sdb"}}
		b.plan.Boot = []string{"/dev/sda", "/dev/sdb"}
		s := b.bootloader()
		w := newWorld()
		if err := s.installGRUB(t.Context(), w.env); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range w.Called("run grub-install") {
			got = append(got, strings.TrimPrefix(c, "run "))
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
		if d := cmp.Diff(tt.stable, s.stable); d != "" {
			t.Errorf("%s: the package's answer (-want +got):\n%s", name, d)
		}
	}
}

// TestPreseed: an upgrade of GRUB's package writes the sectors that the installation did, and none
// where it wrote none.
func TestPreseed(t *testing.T) {
	for want, s := range map[string]bootloader{
		"grub-pc grub-pc/install_devices multiselect /dev/disk/by-id/ata-A, /dev/sdb\n":                      {stable: []string{"/dev/disk/by-id/ata-A", "/dev/sdb"}},
		"grub-pc grub-pc/install_devices multiselect \ngrub-pc grub-pc/install_devices_empty boolean true\n": {sector: noSector, disks: []string{"/dev/sda"}},
		"grub-efi-amd64 grub2/force_efi_extra_removable boolean true\n":                                      {efi: true},
	} {
		w := newWorld()
		w.AddFile("/target/usr/bin/debconf-set-selections", "")
		var got string
		w.Answer(hosttest.Reply{Do: func(_ context.Context, c host.Command) error { got = c.Stdin; return nil }}, "debconf-set-selections")
		if err := s.preseed(t.Context(), w.env); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	}
}

// TestBootMeaning: what this firmware has no meaning for is said.
func TestBootMeaning(t *testing.T) {
	all := config.Bootloader{LeaveOrder: true, NoMBR: true, Location: "partition"}
	for firmware, want := range map[machine.Firmware]int{machine.BIOS: 1, machine.UEFI: 2} {
		b := &builder{}
		b.Answers.Boot, b.Machine.Firmware = all, firmware
		b.bootAnswers()
		if len(b.plan.Warnings) != want || len(b.problems) > 0 {
			t.Errorf("%s: %q, %v", firmware, b.plan.Warnings, b.problems)
		}
	}
}

// TestBootOrderStays: the entry is made outside of the firmware's order, once, and
// shim is started where there is one.
func TestBootOrderStays(t *testing.T) {
	const guid = "0fc63daf-8483-4772-8e79-3d69d8477de4"
	for name, tt := range map[string]struct {
		files   []string
		entries string
		want    []string
	}{
		"new":     {nil, "BootOrder: 0001\nBoot0001* Windows\tHD(1,GPT," + guid + ")\n", []string{`run efibootmgr --create-only --disk /dev/vda --part 1 --label debian --loader \EFI\debian\grubx64.efi`}},
		"shim":    {[]string{"shimx64.efi", "grubx64.efi"}, "", []string{`run efibootmgr --create-only --disk /dev/vda --part 1 --label debian --loader \EFI\debian\shimx64.efi`}},
		"a retry": {nil, "Boot0007* debian\tHD(1,GPT," + guid + `)/File(\EFI\debian\grubx64.efi)` + "\n", nil},
	} {
		w := newWorld()
		w.AddFile("/target/boot/vmlinuz-6.12", "")
		w.AddFile("/target/boot/initrd.img-6.12", "")
		w.AddFile(efiVariable, "")
		for _, f := range tt.files {
			w.AddFile("/target/boot/efi/EFI/debian/"+f, "")
		}
		w.Answer(hosttest.Reply{Stdout: tt.entries}, "efibootmgr", "--verbose")
		s := bootloader{efi: true, vendor: "debian", esps: []string{"/boot/efi"}, leaveOrder: true,
			esp: part{"/boot/efi", "/dev/vda", 1, strings.ToUpper(guid)}}
		if err := s.Run(t.Context(), w.env); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(tt.want, w.Called("run efibootmgr --create")); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
		nvram := slices.DeleteFunc(w.Called("run grub-install"), func(c string) bool { return strings.HasSuffix(c, "--no-nvram") })
		if len(nvram) > 0 || len(w.told) > 0 {
			t.Errorf("%s: %q, told %q", name, nvram, w.told)
		}
	}
}

// TestBootPassword: the file that grub-mkconfig runs says what GRUB's own checker takes, is
// for root alone, and so is the menu where there is no grub-mkconfig.
func TestBootPassword(t *testing.T) {
	hash, err := kickstart.HashBootPassword(rand.Reader, "secret word")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld()
	w.AddFile("/target/usr/sbin/grub-mkconfig", "")
	w.AddFile("/target/boot/vmlinuz-6.12", "")
	s := bootloader{password: config.Secret(hash), disks: []string{"/dev/vda"}, root: Volume{Device: "/dev/vda2", UUID: "R"}}
	if err := s.Run(t.Context(), w.env); err != nil {
		t.Fatal(err)
	}
	script, _ := w.File(Target + bootPasswordFile)
	if info, err := w.Stat(Target + bootPasswordFile); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%s: %v, %v", bootPasswordFile, info, err)
	}
	file := filepath.Join(t.TempDir(), "01_password")
	if err := os.WriteFile(file, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("sh", file).Output()
	want := "set superusers=\"root\"\nexport superusers\npassword_pbkdf2 root " + hash + "\nmenuentry_id_option=\"--unrestricted $menuentry_id_option\"\n"
	if d := cmp.Diff(want, string(out)); err != nil || d != "" {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
	menu := s.menu(w.env, []string{"/target/boot/vmlinuz-6.12"})
	if !strings.Contains(menu, "password_pbkdf2 root "+hash+"\nmenuentry ") || !strings.Contains(menu, "' --unrestricted {") {
		t.Errorf("the menu is\n%s", menu)
	}
	for _, text := range []string{string(out), menu} {
		checkMenu(t, text)
	}
	for _, c := range w.Calls() {
		if strings.Contains(c, hash) {
			t.Error("a command shows the hash")
		}
	}
}

func checkMenu(t *testing.T, text string) {
	t.Helper()
	c := exec.Command("grub-script-check")
	c.Stdin = strings.NewReader(text)
	out, err := c.CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip("needs grub-script-check (molt deps installs it)")
	}
	if err != nil {
		t.Errorf("grub-script-check: %v: %s\n%s", err, out, text)
	}
}

// TestBootPasswordIsAHash: nothing else gets into a file that is run, and no message names it.
func TestBootPasswordIsAHash(t *testing.T) {
	for _, p := range []string{"clear text", "grub.pbkdf2.sha512.10000.AB", "grub.pbkdf2.sha512.10000.AB.CD\nEOF\nrm", "$y$j9T$x"} {
		b := &builder{}
		b.Answers.Boot.Password = config.Secret(p)
		b.bootAnswers()
		if len(b.problems) != 1 || strings.Contains(b.problems.Error(), p) {
			t.Errorf("%q: %v", p, b.problems)
		}
		w := newWorld()
		w.AddFile("/target/boot/vmlinuz-6.12", "")
		if err := (bootloader{password: config.Secret(p)}).Run(t.Context(), w.env); err == nil || strings.Contains(err.Error(), p) {
			t.Errorf("%q: %v", p, err)
		}
	}
}
