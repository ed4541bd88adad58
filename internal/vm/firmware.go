package vm

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
)

// ovmf are the places of OVMF's code and its empty variables: Debian 12 and 13
// have the first, Debian 11 the second.
func ovmf() [][2]string {
	const dir = "/usr/share/OVMF/"
	return [][2]string{
		{dir + "OVMF_CODE_4M.fd", dir + "OVMF_VARS_4M.fd"},
		{dir + "OVMF_CODE.fd", dir + "OVMF_VARS.fd"},
	}
}

// VarsFile is the file in a guest's directory with UEFI's variables.
const VarsFile = "vars.fd"

// firmwareArgs are the options for the firmware. Each start gets variables of
// its own: a boot entry of an earlier run would change what is booted.
func (c Config) firmwareArgs() ([]string, error) {
	if c.Firmware == BIOS {
		return nil, nil
	}
	for _, pair := range ovmf() {
		if _, err := os.Stat(pair[0]); err != nil {
			continue
		}
		vars := filepath.Join(c.Dir, VarsFile)
		if err := copyFile(cmp.Or(c.Vars, pair[1]), vars); err != nil {
			return nil, fmt.Errorf("copy the firmware's variables: %w", err)
		}
		return []string{
			"-drive", "if=pflash,format=raw,unit=0,readonly=on,file=" + pair[0],
			"-drive", "if=pflash,format=raw,unit=1,file=" + comma(vars),
		}, nil
	}
	return nil, fmt.Errorf("no UEFI firmware below /usr/share/OVMF: install the package ovmf")
}

func copyFile(src, dst string) error {
	data, err := os.ReadFile(src)
	if err != nil {
		return err
	}
	return os.WriteFile(dst, data, 0o644)
}
