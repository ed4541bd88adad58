package kickstart

import (
	"path"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

// mountPoint reads where the call's device is to be: a path, or one of the
// words, or a member like "pv.1" when its beginning is among the words.
func (b *builder) mountPoint(c *call, words ...string) (string, bool) {
	mount, ok := b.cleanMount(c, c.arg(0), words...)
	if ok && isMember(mount) {
		b.claim(c, "member", mount, "%s is already the name of")
		b.refs.members = append(b.refs.members, origin{c.pos, mount})
	}
	return mount, ok
}

// cleanMount brings a mount point into its one form and claims it.
func (b *builder) cleanMount(c *call, mount string, words ...string) (string, bool) {
	if strings.EqualFold(mount, "none") {
		mount = "none"
	}
	if strings.HasPrefix(mount, "/") {
		mount = path.Clean(mount)
		b.claim(c, "mount", mount, "%s is already the mount point of")
		return mount, true
	}
	for _, w := range words {
		if mount == w && !strings.HasSuffix(w, ".") || strings.HasSuffix(w, ".") && len(mount) > len(w) && strings.HasPrefix(mount, w) {
			return mount, true
		}
	}
	if mount == "prepboot" || mount == "appleboot" {
		b.wrong(c, "%s is for machines with a PowerPC", mount)
		return "", false
	}
	var forms []string
	for _, w := range words {
		if strings.HasSuffix(w, ".") {
			w += "NAME"
		}
		forms = append(forms, w)
	}
	b.wrong(c, "%s is no mount point: a path from /, or %s", c.shown(mount), strings.Join(forms, ", "))
	return "", false
}

// isMember reports whether a mount point is a name that others list.
func isMember(mount string) bool {
	return slices.ContainsFunc([]string{"raid.", "pv.", "btrfs."}, func(p string) bool { return strings.HasPrefix(mount, p) })
}

// noEffect warns of options that are given where they change nothing.
func (b *builder) noEffect(c *call, where string, options ...string) {
	for _, o := range c.given(options) {
		b.warn(c.pos, "--%s of %s is ignored: it has no effect %s", o, c.name, where)
	}
}

// format reads what is common to all that a file system can be made on.
func (b *builder) format(c *call, mount string) config.Format {
	f := config.Format{
		FSType: b.fsType(c), Label: c.str("label"), FSOptions: c.str("fsoptions"), MkfsOptions: c.str("mkfsoptions"),
		NoFormat: c.has("noformat"), Existing: existing(c), LUKS: b.luks(c),
	}
	if isMember(mount) {
		if own := memberType(mount); f.FSType != own {
			b.noEffect(c, "on "+mount+", which becomes part of another device", "fstype")
		}
		b.noEffect(c, "on "+mount+", which becomes part of another device", "label", "fsoptions", "mkfsoptions", "fsprofile")
		return config.Format{NoFormat: f.NoFormat, Existing: f.Existing, LUKS: f.LUKS}
	}
	if strings.ContainsAny(f.FSOptions, " \t") {
		b.wrong(c, "--fsoptions are separated by commas, without spaces")
	}
	if f.NoFormat {
		b.noEffect(c, "on a file system that is kept", "label", "fsprofile")
		f.Label = ""
	} else if c.has("fsprofile") {
		f.MkfsOptions = b.fsProfile(c, f.FSType, mount)
	}
	return f
}

// memberType is the file system type that Anaconda writes for a member.
func memberType(mount string) string {
	kind, _, _ := strings.Cut(mount, ".")
	return map[string]string{"pv": "lvmpv", "raid": "mdmember", "btrfs": "btrfs"}[kind]
}

// fsType reads --fstype. Anaconda writes "None" for a thin pool.
func (b *builder) fsType(c *call) string {
	t := c.str("fstype")
	if !only(t, "._-") {
		b.wrong(c, "%q is no file system; one is ext4, or xfs", t)
	}
	if strings.EqualFold(t, "none") {
		return ""
	}
	return t
}

// fsProfile is mke2fs(8)'s usage type, which it takes as -T.
func (b *builder) fsProfile(c *call, fsType, mount string) string {
	profile := c.str("fsprofile")
	ext := strings.HasPrefix(fsType, "ext") || fsType == "" && strings.HasPrefix(mount, "/") && mount != "/boot/efi"
	if !ext || profile == "" || !only(profile, "_-") {
		b.wrong(c, "--fsprofile names a usage type of mke2fs.conf(5), and goes only with ext2, ext3 and ext4")
		return ""
	}
	return "-T " + profile
}

// luks reads how the device is encrypted; nil when it isn't.
func (b *builder) luks(c *call) *config.LUKS {
	if !c.has("encrypted") {
		b.noEffect(c, "without --encrypted", "passphrase", "cipher", "luks-version", "pbkdf", "pbkdf-memory", "pbkdf-time", "pbkdf-iterations", "escrowcert")
		return nil
	}
	if c.has("escrowcert") {
		b.unsupported(c.pos, "--escrowcert of "+c.name, "keys are not escrowed; add a second passphrase with cryptsetup luksAddKey in %post")
	}
	l := &config.LUKS{
		Passphrase: config.Secret(c.str("passphrase")), Version: c.str("luks-version"), Cipher: c.str("cipher"), PBKDF: c.str("pbkdf"),
		PBKDFMemory: c.num("pbkdf-memory"), PBKDFTime: c.num("pbkdf-time"), PBKDFRounds: c.num("pbkdf-iterations"),
	}
	for _, o := range c.given([]string{"pbkdf-memory", "pbkdf-time", "pbkdf-iterations"}) {
		if c.num(o) < 1 {
			b.wrong(c, "--%s must be 1 or more", o)
		}
	}
	argon := strings.HasPrefix(l.PBKDF, "argon2")
	switch {
	case l.Passphrase == hidden:
		b.kept(c, "passphrase")
	case strings.HasPrefix(l.Version, "luks2-hw-opal"):
		b.unsupported(c.pos, "--luks-version="+l.Version+" of "+c.name, "disks that encrypt by themselves are left as they are; write luks2")
	case !slices.Contains([]string{"", "luks1", "luks2"}, l.Version):
		b.wrong(c, "--luks-version=%s is unknown: write luks1 or luks2", l.Version)
	case !slices.Contains([]string{"", "pbkdf2", "argon2i", "argon2id"}, l.PBKDF):
		b.wrong(c, "--pbkdf=%s is unknown: write pbkdf2, argon2i or argon2id", l.PBKDF)
	case l.Version == "luks1" && (argon || l.PBKDFMemory > 0):
		b.wrong(c, "luks1 knows only --pbkdf=pbkdf2, which needs no memory: write luks2")
	case l.PBKDF == "pbkdf2" && l.PBKDFMemory > 0:
		b.wrong(c, "--pbkdf-memory goes only with argon2i and argon2id")
	case !only(l.Cipher, "_-:"):
		b.wrong(c, "%q is no cipher; one is aes-xts-plain64", l.Cipher)
	case c.has("passphrase") && l.Passphrase == "":
		b.wrong(c, "the passphrase is empty")
	}
	return l
}
