//go:build tools

package deps

import (
	_ "charm.land/bubbles/v2/progress"
	_ "charm.land/bubbles/v2/textinput"
	_ "charm.land/bubbles/v2/viewport"
	_ "charm.land/bubbletea/v2"
	_ "charm.land/huh/v2"
	_ "charm.land/lipgloss/v2"
	_ "github.com/BurntSushi/toml"
	_ "github.com/ProtonMail/go-crypto/openpgp"
	_ "github.com/ProtonMail/go-crypto/openpgp/clearsign"
	_ "github.com/creack/pty"
	_ "github.com/diskfs/go-diskfs"
	_ "github.com/diskfs/go-diskfs/partition/gpt"
	_ "github.com/google/go-cmp/cmp"
	_ "github.com/klauspost/compress/zstd"
	_ "github.com/openwall/yescrypt-go"
	_ "github.com/rogpeppe/go-internal/testscript"
	_ "github.com/therootcompany/xz"
	_ "github.com/u-root/gobusybox/src/pkg/bb"
	_ "github.com/u-root/gobusybox/src/pkg/golang"
	_ "github.com/u-root/mkuimage/cpio"
	_ "github.com/u-root/mkuimage/uimage"
	_ "github.com/u-root/u-root/pkg/cpio"
	_ "github.com/u-root/u-root/pkg/kmodule"
	_ "github.com/u-root/u-root/pkg/mount"
	_ "github.com/u-root/u-root/pkg/mount/block"
	_ "golang.org/x/sys/unix"
	_ "golang.org/x/term"
)
