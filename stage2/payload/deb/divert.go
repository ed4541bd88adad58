package deb

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// diverted are the programs that maintainer scripts shall not really run while
// the system is being installed: no daemon is started, the manual pages get their
// index by the first run of their timer, and the initramfs and the certificates are
// made once, at the end.
var diverted = [...]string{"/usr/sbin/start-stop-daemon", "/usr/bin/mandb", updateCertificates, updateInitramfs}

const (
	updateInitramfs = "/usr/sbin/update-initramfs"
	aside           = ".molt" // suffix of the real program meanwhile
	// stub takes a program's place and notes that it was wanted: no link to true(1), which
	// where it is busybox's looks at the name it was called by.
	stub       = "#!/bin/sh\n# not while the system is being installed\n(: > /" + wanted + "${0##*/})\nexit 0\n"
	wanted     = "var/lib/dpkg/molt-wanted-"
	policy     = "usr/sbin/policy-rc.d" // invoke-rc.d asks it (/usr/share/doc/init-system-helpers/README.policy-rc.d.gz)
	diversions = "var/lib/dpkg/diversions"
)

// divertEntry is the record of a local diversion, as dpkg-divert makes it: from, to, and
// a colon for "no package".
func divertEntry(program string) string { return program + "\n" + program + aside + "\n:\n" }

// quiet keeps maintainer scripts from starting anything. It writes dpkg's
// records itself: a process each would be dpkg-divert's price.
func quiet(target string) error {
	var entries strings.Builder
	for _, program := range diverted {
		entries.WriteString(divertEntry(program))
		if err := putAside(filepath.Join(target, program)); err != nil {
			return err
		}
	}
	if err := writeFiles(target, map[string]string{diversions: entries.String()}); err != nil {
		return err
	}
	path := filepath.Join(target, policy)
	return errors.Join(os.WriteFile(path, []byte("#!/bin/sh\nexit 101\n"), 0o755), os.Chmod(path, 0o755))
}

// putAside can be called again: what an earlier try put there is no program.
func putAside(program string) error {
	if isStub(program) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(program), 0o755); err != nil {
		return err
	}
	if err := os.Rename(program, program+aside); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.WriteFile(program, []byte(stub), 0o755)
}

func isStub(program string) bool {
	data, err := os.ReadFile(program)
	return err == nil && string(data) == stub
}

// loud undoes quiet. It can be called again, and without quiet before.
func loud(target string) error {
	records := filepath.Join(target, diversions)
	data, err := os.ReadFile(records)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	text := string(data)
	for _, program := range diverted {
		if !strings.Contains(text, divertEntry(program)) {
			continue
		}
		if err := putBack(filepath.Join(target, program)); err != nil {
			return err
		}
		text = strings.ReplaceAll(text, divertEntry(program), "")
	}
	if err := os.Remove(filepath.Join(target, policy)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if text == string(data) {
		return nil
	}
	return os.WriteFile(records, []byte(text), 0o644)
}

func putBack(program string) error {
	if isStub(program) {
		if err := os.Remove(program); err != nil {
			return err
		}
	}
	if err := os.Rename(program+aside, program); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
