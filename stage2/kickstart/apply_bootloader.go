package kickstart

import (
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

func applyBootloader(b *builder, c *call) {
	boot := config.Bootloader{
		Location: c.str("location"), Append: c.str("append"), Disk: c.str("boot-drive"),
		NoMBR: c.has("nombr"), LeaveOrder: c.has("leavebootorder"), Password: b.bootPassword(c),
	}
	if c.has("timeout") {
		n := c.num("timeout")
		boot.Timeout = &n
		if n < 0 {
			b.wrong(c, "--timeout must be 0 seconds or more")
		}
	}
	if order := c.items("driveorder"); len(order) > 0 && boot.Disk == "" {
		boot.Disk = order[0]
		b.warn(c.pos, "--driveorder of bootloader is read as --boot-drive=%s: the order of the others is the firmware's", order[0])
	} else if len(order) > 0 {
		b.noEffect(c, "with --boot-drive", "driveorder")
	}
	if boot.Location == "boot" {
		boot.Location = "partition" // the older word for it
	}
	if c.has("disabled") {
		b.noEffect(c, "with --disabled, which is --location=none", "location")
		boot.Location = "none"
	}
	b.answers.Boot = boot
}

// bootPassword makes GRUB's hash of a plain password.
func (b *builder) bootPassword(c *call) config.Secret {
	password := c.str("password")
	switch {
	case !c.has("password"):
		b.noEffect(c, "without --password", "iscrypted")
	case password == "":
		b.wrong(c, "the password is empty")
	case password == hidden:
		b.kept(c, "password")
	case c.has("iscrypted") && password != Unhashed && !strings.HasPrefix(password, grubPrefix):
		b.wrong(c, "what is given with --iscrypted is no hash of GRUB's; grub-mkpasswd-pbkdf2 makes one, and without --iscrypted it is the password itself")
	case c.has("iscrypted"):
		return config.Secret(password)
	case b.options.Rand == nil:
		return Unhashed
	default:
		hash, err := HashBootPassword(b.options.Rand, password)
		if err != nil {
			b.wrong(c, "%v", err)
		}
		return config.Secret(hash)
	}
	return ""
}
