// Package modinfo reads what a kernel module says about itself: the .modinfo
// section of its file, NUL-terminated key=value strings
// (include/linux/moduleparam.h, include/linux/module.h).
//
// It loads nothing and knows no module tree: stage1/modules does.
package modinfo

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

// Info is what a module says.
type Info struct {
	Name     string   // as the kernel knows it, with underscores
	Aliases  []string // modaliases it is for, and other names
	Depends  []string // names of modules
	Soft     []string // "pre: a b post: c"
	Firmware []string // below /lib/firmware
	Kernel   string   // the release it was built for, first word of vermagic
}

// Parse reads a .modinfo section.
func Parse(section []byte) Info {
	var m Info
	for _, entry := range bytes.Split(section, []byte{0}) {
		key, value, ok := strings.Cut(string(entry), "=")
		if !ok || value == "" {
			continue
		}
		switch key {
		case "name":
			m.Name = value
		case "alias":
			m.Aliases = append(m.Aliases, value)
		case "depends":
			m.Depends = strings.Split(value, ",")
		case "softdep":
			m.Soft = append(m.Soft, value)
		case "firmware":
			m.Firmware = append(m.Firmware, value)
		case "vermagic":
			m.Kernel, _, _ = strings.Cut(value, " ")
		}
	}
	return m
}

// Read reads the .modinfo of the module in image, an ELF file.
func Read(image []byte) (Info, error) {
	f, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		return Info{}, err
	}
	defer f.Close()
	s := f.Section(".modinfo")
	if s == nil {
		return Info{}, errors.New("no section .modinfo: not a kernel module")
	}
	data, err := s.Data()
	if err != nil {
		return Info{}, err
	}
	return Parse(data), nil
}

// ReadFile returns the module in file as it is on disk, and uncompressed.
func ReadFile(file string) (stored, plain []byte, err error) {
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

// Name is the kernel's name of the module in file: "ata_piix" of
// "kernel/drivers/ata/ata-piix.ko.xz".
func Name(file string) string {
	base, _, _ := strings.Cut(filepath.Base(file), ".ko")
	return strings.ReplaceAll(base, "-", "_")
}
