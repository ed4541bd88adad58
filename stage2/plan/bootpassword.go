package plan

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/kickstart"
)

// bootPasswordFile is run by grub-mkconfig, after 00_header and before the menus. It is the
// installer's own, so that no upgrade of GRUB asks about it or replaces it.
const bootPasswordFile = "/etc/grub.d/01_password"

// bootUser is the only one who may change what is started; Anaconda's name for it.
const bootUser = "root"

// unrestricted lets anyone start what is in the menu: every entry that grub-mkconfig makes
// has $menuentry_id_option, which GRUB splits into words.
const unrestricted = `menuentry_id_option="--unrestricted $menuentry_id_option"` + "\n"

// bootPassword is GRUB's commands that ask for it before anything is changed.
func bootPassword(hash config.Secret) string {
	return "set superusers=\"" + bootUser + "\"\nexport superusers\npassword_pbkdf2 " + bootUser + " " + string(hash) + "\n"
}

var errNoBootHash = errors.New("set the boot loader's password: what is given is no hash of GRUB's; grub-mkpasswd-pbkdf2 makes one")

// writePassword has every menu that grub-mkconfig makes ask for the password, and
// nobody but root read it.
func (s bootloader) writePassword(env *Env) error {
	if s.password == "" {
		return nil
	}
	if !isBootHash(s.password) {
		return errNoBootHash
	}
	text := "#!/bin/sh\n# Written by the installer: changing what is started takes a password.\ncat << 'EOF'\n" +
		bootPassword(s.password) + unrestricted + "EOF\n"
	if err := env.Host.WriteFile(Target+bootPasswordFile, []byte(text), 0o700); err != nil {
		return fmt.Errorf("write %s: %w", bootPasswordFile, err)
	}
	return nil
}

// isBootHash reports whether GRUB's password_pbkdf2 takes it, and no shell sees more in it.
func isBootHash(s config.Secret) bool {
	return regexp.MustCompile(`^grub\.pbkdf2\.sha(1|224|256|384|512)\.[1-9][0-9]*\.([0-9A-Fa-f]{2})+\.([0-9A-Fa-f]{2})+$`).MatchString(string(s))
}

// bootAnswers looks at what bootloader says and only a real boot loader finds out.
func (b *builder) bootAnswers() {
	a := b.Answers.Boot
	if !slices.Contains([]string{"", "mbr", "partition", "none"}, a.Location) {
		b.problems.Add(NotSupported, "bootloader --location="+a.Location, "use mbr, partition or none")
	}
	if p := a.Password; p != "" && !isBootHash(p) && p != kickstart.Unhashed {
		b.problems.Add(BadAccount, "bootloader --password", "not a hash of GRUB's; grub-mkpasswd-pbkdf2 makes one")
	}
	b.bootMeaning()
}
