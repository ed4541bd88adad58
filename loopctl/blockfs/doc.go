// Package blockfs shows whatever can be read at an offset as one read-only file, by way
// of FUSE, so that a loop device can have it as backing file.
//
// It is not a general file system: a directory with one file in it, whose size and
// content don't change. It runs no program (fusermount isn't needed) and needs root and
// /dev/fuse. What makes a source highly available is below it: failover.
//
// # Contract
//
// Every read is answered as soon as the Reader answers, with the bytes or with EIO; a
// Reader that never blocks longer than some time makes a file that never does. Everything
// else is answered at once, or never asked: names and attributes are valid for ever and
// opening, closing, flushing and syncing need no request, so that a stopped server
// can hang reads alone. (Since Linux 6.18 LOOP_CHANGE_FD asks for the size of the old file.)
// Pages stay in the kernel's cache when the file is closed.
//
// With Config.Watched opening is asked for, which a stopped server hangs too, and the kernel
// tells when the file is let go: by a loop device, when it is switched to another.
//
// When the serving process dies, the kernel answers everything with an error at once:
// ENOTCONN from the file, EIO from a loop device over it. The dead mount stays until
// somebody unmounts it; a loop device over it moves to another file with
// loopctl.Device.Switch, from Linux 6.18 on with Rescue.
//
// # The serving process must not live on what it serves
//
// A page of the server's program that has to be read from the file it serves is a
// deadlock, as is one of a shared library, or memory swapped out to it. So: a static
// program in the initramfs or in a memfd, or at least mlockall(MCL_CURRENT|MCL_FUTURE)
// before the first read through it. Go programs are static when built with
// CGO_ENABLED=0. Nor may the Reader's own files be on the device.
package blockfs
