package plan

import (
	"strings"
	"testing"
)

// TestMenuFindsInitramfs: whoever made it, and however that calls it; without one a person is told.
func TestMenuFindsInitramfs(t *testing.T) {
	for file, want := range map[string]string{
		"initrd.img-6.12": "\tinitrd /boot/initrd.img-6.12\n", "initrd-6.12": "\tinitrd /boot/initrd-6.12\n",
		"initramfs-6.12.img": "\tinitrd /boot/initramfs-6.12.img\n", "initramfs-6.1.img": "",
	} {
		w := newWorld()
		w.AddFile("/target/boot/vmlinuz-6.12", "")
		w.AddFile("/target/boot/"+file, "")
		root := Volume{Mount: "/", UUID: "R", FSType: "ext4"}
		if err := (bootloader{root: root, boot: root}).Run(t.Context(), w.env); err != nil {
			t.Fatal(err)
		}
		menu, _ := w.File("/target/boot/grub/grub.cfg")
		if want != "" && !strings.Contains(menu, want) || strings.Contains(menu, "initrd") != (want != "") {
			t.Errorf("with %s the menu is\n%s", file, menu)
		}
		if (want == "") != (len(w.told) == 1 && strings.Contains(w.told[0], "vmlinuz-6.12 has no initramfs")) {
			t.Errorf("with %s, told %q", file, w.told)
		}
	}
}

// TestMenuOnBoot: on a file system of its own the names have no /boot.
func TestMenuOnBoot(t *testing.T) {
	w := newWorld()
	w.AddFile("/target/boot/vmlinuz-6.12", "")
	w.AddFile("/target/boot/initramfs-6.12.img", "")
	s := bootloader{root: Volume{Mount: "/", UUID: "R"}, boot: Volume{Mount: "/boot", UUID: "B", Subvolume: "b"}}
	if err := s.Run(t.Context(), w.env); err != nil {
		t.Fatal(err)
	}
	if menu, _ := w.File("/target/boot/grub/grub.cfg"); !strings.Contains(menu, "\tlinux /b/vmlinuz-6.12 ") || !strings.Contains(menu, "\tinitrd /b/initramfs-6.12.img\n") {
		t.Errorf("the menu is\n%s", menu)
	}
}
