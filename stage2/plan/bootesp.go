package plan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/molt-installer/molt/stage2/host"
)

// installESP puts GRUB on one EFI system partition. The path every UEFI firmware looks at
// is the system's own, but where another one's loader has it: that is left when the
// firmware takes an entry for this one, and else kept beside it.
func (s bootloader) installESP(ctx context.Context, env *Env, esp string, first bool) error {
	args := []string{"grub-install", "--target=" + s.target(), "--efi-directory=" + Target + esp, "--boot-directory=" + Target + "/boot"}
	loader := s.othersLoader(env, esp)
	registered := first && loader != nil && s.register(ctx, env, args)
	if registered {
		return nil
	}
	if loader != nil {
		kept := s.fallback(esp) + ".before"
		if err := keepOnce(env, kept, loader); err != nil {
			return fmt.Errorf("keep the other system's boot loader as %s: %w", kept, err)
		}
		warn(env, "the machine starts by the default path, which another system's boot loader had; that one is now "+kept[len(Target):])
	}
	if err := run(ctx, env, append(slices.Clone(args), "--removable", "--no-nvram")...); err != nil {
		return fmt.Errorf("install the boot loader on the EFI system partition %s: %w", esp, err)
	}
	if first && loader == nil {
		s.register(ctx, env, args)
	}
	return nil
}

// keepOnce writes a file that isn't there yet: in another try it is this system's own loader
// that stands at the fallback path.
func keepOnce(env *Env, name string, data []byte) error {
	_, err := env.Host.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return env.Host.WriteFile(name, data, 0o644)
	}
	return err
}

func (s bootloader) target() string {
	if s.arch == "arm64" {
		return "arm64-efi"
	}
	return "x86_64-efi"
}

// fallback is the path on an EFI system partition that every firmware looks at.
func (s bootloader) fallback(esp string) string {
	if s.arch == "arm64" {
		return Target + esp + "/EFI/BOOT/BOOTAA64.EFI"
	}
	return Target + esp + "/EFI/BOOT/BOOTX64.EFI"
}

// othersLoader is what stands at the fallback path if it is none of this vendor's
// loaders: an earlier installation's is a copy of one.
func (s bootloader) othersLoader(env *Env, esp string) []byte {
	there, err := env.Host.ReadFile(s.fallback(esp))
	if err != nil {
		return nil
	}
	for _, name := range []string{"grubx64.efi", "shimx64.efi", "grubaa64.efi", "shimaa64.efi"} {
		own, err := env.Host.ReadFile(Target + esp + "/EFI/" + s.vendor + "/" + name)
		if err == nil && bytes.Equal(own, there) {
			return nil
		}
	}
	return there
}

var errNoVariables = errors.New("this kernel has none of the firmware's variables (was it started with efi=noruntime or noefi?)")

// register asks the firmware for a boot entry. Firmware that refuses is no
// reason to fail: the machine starts by the removable-media path. Without the firmware's
// variables grub-install only warns, and makes no entry.
func (s bootloader) register(ctx context.Context, env *Env, args []string) bool {
	const vars = "/sys/firmware/efi/efivars"
	if env.Host.Mount(host.Mount{Source: "efivarfs", Target: vars, FSType: "efivarfs"}) == nil {
		defer env.Host.Unmount(vars)
	}
	variables, _ := env.Host.Glob(vars + "/*") // none: also when they can't be read
	args = append(slices.Clone(args), "--bootloader-id="+s.vendor)
	if s.leaveOrder || len(variables) == 0 {
		args = append(args, "--no-nvram") // grub-install's own entry comes before all others
	}
	err := run(ctx, env, args...)
	switch {
	case err == nil && len(variables) == 0:
		err = errNoVariables
	case err == nil && s.leaveOrder:
		err = s.enter(ctx, env)
	}
	if err != nil {
		warn(env, "the firmware took no boot entry; the machine starts by the default path: "+err.Error())
		return false
	}
	return true
}
