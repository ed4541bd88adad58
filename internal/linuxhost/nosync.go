package linuxhost

import (
	"os/exec"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What a seccomp filter answers (linux/seccomp.h): go on, or fail with the error
// in the low bits; with none in them the call succeeds without being made.
const (
	seccompAllow = 0x7fff0000
	seccompErrno = 0x00050000
)

// startUnsynced starts a program for which fsync(2) and its like succeed at
// once, and for all its children. The filter holds for the thread it is set on and
// all that comes from it, so the thread is one that ends with the start. Where
// there can be no filter, the program is only slower.
func startUnsynced(cmd *exec.Cmd) error {
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and no unlock: no one else gets the thread
		ignoreSync()
		started <- cmd.Start()
	}()
	return <-started
}

func ignoreSync() {
	arch, ok := map[string]uint32{"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64}[runtime.GOARCH]
	if !ok {
		return
	}
	program := syncFilter(arch)
	fprog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&fprog)), 0, 0)
}

// syncFilter is the program (seccomp(2)): it reads the architecture at 4 and the
// number of the call at 0 of struct seccomp_data.
func syncFilter(arch uint32) []unix.SockFilter {
	load := func(offset uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
	}
	equal := func(value uint32, yes, no int) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jt: uint8(yes), Jf: uint8(no), K: value}
	}
	answer := func(value uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: value}
	}
	calls := [...]uint32{unix.SYS_FSYNC, unix.SYS_FDATASYNC, unix.SYS_SYNC_FILE_RANGE, unix.SYS_SYNCFS, unix.SYS_SYNC}
	program := []unix.SockFilter{load(4), equal(arch, 0, len(calls)+1), load(0)}
	for i, nr := range calls {
		program = append(program, equal(nr, len(calls)-i, 0))
	}
	return append(program, answer(seccompAllow), answer(seccompErrno))
}
