package plan

import (
	"context"
	"fmt"
	"strconv"

	"github.com/molt-installer/molt/stage2/config"
)

// luks encrypts a device and opens it, cryptsetup(8). The passphrase goes by standard
// input alone.
type luks struct{ layered }

func (s luks) Run(ctx context.Context, env *Env) error {
	if err := s.check(env); err != nil {
		return err
	}
	l, on := s.layer, s.layer.On[0]
	passphrase := ""
	if l.LUKS != nil {
		passphrase = string(l.LUKS.Passphrase)
	}
	if l.Existing && exists(env, l.Device) {
		return nil
	}
	if !l.Existing {
		if err := clear(ctx, env, l.On); err != nil {
			return err
		}
		if err := tool(ctx, env, passphrase, luksFormatArgs(l)...); err != nil {
			return fmt.Errorf("encrypt %s: %w", on, err)
		}
	}
	if err := tool(ctx, env, passphrase, "cryptsetup", "open", "--type", "luks", "--key-file=-", on, l.Name); err != nil {
		return fmt.Errorf("open the encrypted %s: %w", on, err)
	}
	return nil
}

func luksFormatArgs(l Layer) []string {
	o := config.LUKS{}
	if l.LUKS != nil {
		o = *l.LUKS
	}
	version := "luks2"
	if o.Version == "luks1" {
		version = o.Version
	}
	args := []string{"cryptsetup", "luksFormat", "--batch-mode", "--key-file=-", "--type", version, "--uuid", l.UUID}
	for _, opt := range []struct{ name, value string }{
		{"--cipher", o.Cipher}, {"--pbkdf", o.PBKDF}, {"--pbkdf-memory", number(o.PBKDFMemory)},
		{"--iter-time", number(o.PBKDFTime)}, {"--pbkdf-force-iterations", number(o.PBKDFRounds)},
	} {
		if opt.value != "" {
			args = append(args, opt.name, opt.value)
		}
	}
	return append(args, l.On[0])
}

// number is n, and empty for 0: that leaves it to the program.
func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}
