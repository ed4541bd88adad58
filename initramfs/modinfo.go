package initramfs

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/therootcompany/xz"
)

// modinfo is what a kernel module says about itself: the .modinfo section,
// NUL-terminated key=value strings (include/linux/moduleparam.h, linux/module.h).
type modinfo struct {
	name     string // as the kernel knows it, with underscores
	aliases  []string
	depends  []string // names of modules
	soft     []string // "pre: a b post: c"
	firmware []string // below /lib/firmware
}

// parseModinfo reads a .modinfo section.
func parseModinfo(section []byte) modinfo {
	var m modinfo
	for _, entry := range bytes.Split(section, []byte{0}) {
		key, value, ok := strings.Cut(string(entry), "=")
		if !ok || value == "" {
			continue
		}
		switch key {
		case "name":
			m.name = value
		case "alias":
			m.aliases = append(m.aliases, value)
		case "depends":
			m.depends = strings.Split(value, ",")
		case "softdep":
			m.soft = append(m.soft, value)
		case "firmware":
			m.firmware = append(m.firmware, value)
		}
	}
	return m
}

// readModinfo reads the .modinfo of the module in image, an ELF file.
func readModinfo(image []byte) (modinfo, error) {
	f, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		return modinfo{}, err
	}
	defer f.Close()
	s := f.Section(".modinfo")
	if s == nil {
		return modinfo{}, errors.New("no section .modinfo: not a kernel module")
	}
	data, err := s.Data()
	if err != nil {
		return modinfo{}, err
	}
	return parseModinfo(data), nil
}

// readModule returns the module in file as it is on disk, and uncompressed.
func readModule(file string) (stored, plain []byte, err error) {
	if stored, err = os.ReadFile(file); err != nil {
		return nil, nil, err
	}
	switch filepath.Ext(file) {
	case ".ko":
		return stored, stored, nil
	case ".xz":
		plain, err = unxz(stored)
	case ".zst":
		plain, err = unzstd(stored)
	default:
		err = errors.New("unknown compression: only .ko, .ko.xz and .ko.zst are known")
	}
	if err != nil {
		return nil, nil, fmt.Errorf("uncompress module %s: %w", file, err)
	}
	return stored, plain, nil
}

func unxz(data []byte) ([]byte, error) {
	r, err := xz.NewReader(bytes.NewReader(data), 0)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func unzstd(data []byte) ([]byte, error) {
	d, err := zstd.NewReader(nil)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.DecodeAll(data, nil)
}

// moduleName is the kernel's name of the module in file: "ata_piix" of
// "kernel/drivers/ata/ata-piix.ko.xz".
func moduleName(file string) string {
	base, _, _ := strings.Cut(filepath.Base(file), ".ko")
	return strings.ReplaceAll(base, "-", "_")
}
