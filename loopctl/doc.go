// Package loopctl manages Linux loop devices, LOOP_CHANGE_FD among it: the
// replacement of the file under a read-only loop device while it is mounted and in
// use. It attaches, looks at, switches and detaches devices, and names who keeps a
// medium busy.
//
// It is not a mount(8): it mounts nothing. It is not a source of high availability
// either: a request that hangs in the old file hangs the switch too; package failover
// has what doesn't hang. It imports
// golang.org/x/sys/unix and the standard library, runs no program, needs root for nearly
// everything, and /proc, /sys and /dev.
//
// # Contract
//
// Attach gives a Device that others who attach at the same time can't take away.
// Stat and List read sysfs and never block; everything that opens or asks a device (Open,
// Info, Held, …) blocks while a switch is stuck in it.
//
// Switch is safe by default: it proves that the new file has the content before the
// device serves from it, and that the device serves that content afterwards. If it can't, the
// device is as it was, or the error is ErrPending, ErrConcurrent or ErrNotRestored.
// ChangeFD is the bare ioctl, where the kernel checks type and size only.
//
// Rescue is for a device whose server is dead: there is nothing to compare with any more, so
// the digest of the content is required, and no way back. Watch waits for a copy to come or to be
// finished, or makes it, and switches to it when it is right.
//
// What is read may hang, where nothing can end it. When the context ends, or nothing is
// heard for fifteen times StallAfter, Switch, ToMemory, Rescue, Digest and Watch return ErrStalled within a second and leave
// the goroutine that hangs to itself: it changes nothing any more and ends with the request. A
// process with a thread in a read with O_DIRECT that hangs can't exit before that, so before a switch the
// device is read by way of the page cache, where a signal ends it. It can't exit either while the
// new file's fsync hangs, or a read of it after the switch, or while it is the last opener of a device whose reads hang.
//
// The kernel gives the signals of a process to its main thread, also when that hangs in such a read, and no
// handler runs then. A program that wants to hear of them keeps that thread out of it: runtime.LockOSThread
// first of all in main, and everything else in other goroutines.
//
// Every error is an *Error, that wraps a sentinel (ErrSizeMismatch) and, where the
// kernel refused, its errno (unix.EINVAL).
//
// docs/loopctl.md has the command, recipes, a table of the errors with what to do about each,
// and figures.
//
// Facts about the kernel are from drivers/block/loop.c (6.1 to 6.18) and
// block/bdev.c, and were measured on 6.1 and 6.18.
//
// # A Switch, step by step
//
//  1. Look: the identity of the old file is taken down and the file opened once more, for
//     the way back. sysfs gives its path from the root of the mount namespace; a chrooted
//     caller finds it below the root of PID 1 or of its parent.
//  2. Check: device read-only, file readable, of a type and on a file system the
//     kernel can read, not the same file, not on the device itself, equal size in bytes (with
//     a SizeLimit: long enough), no partition in use, requests not stuck, no file
//     system that the kernel would shut down.
//  3. Sync: the new file written out and fsynced, which the kernel would do with the device locked, and
//     its pages dropped, so that what has been stored is verified.
//  4. Verify: the device and the file are compared byte for byte and
//     hashed in one pass, on all cores; or the file is hashed and compared with a known digest, which
//     spares a slow medium.
//  5. Change: LOOP_CHANGE_FD, if nobody has touched the device since step 1.
//  6. Confirm: the device's backing file is the new one, its sequence number a later one, it is
//     still read-only, and everything read back with O_DIRECT has the digest of step 4:
//     chunk by chunk, from the states that SHA-256 had at the same places, so on all cores.
//     If not, LOOP_CHANGE_FD to the old file.
//  7. The name in LOOP_GET_STATUS64, which the kernel leaves alone, is set.
//
// Between 4 and 6 nothing keeps others from writing to the new file; step 6 notices
// what they wrote by then. What they write later, nobody notices. A file without a
// name (O_TMPFILE) or a sealed memfd closes that hole.
//
// What it can't see: that a file is served from the device by a FUSE or network server, or lies
// on an overlay or btrfs that was mounted where this process can't look; Report.Warnings names the latter.
//
// # The helper process
//
// LOOP_CHANGE_FD waits until the requests in flight have been answered by the old file.
// If that hangs, so does the ioctl, in a state where no signal ends it, and with it the
// process that issued it: it can't even exit, nor can its parent see its end. So the
// ioctl is issued by a process of its own.
//
// That process is not the calling program once more. The program may lie on the very
// device that is being switched, as an installer's does: a second instance would have to
// be paged in from there, would keep the file system below in use as long as it hangs,
// and every program with this package in it would have to look for a
// secret argument in its main. Instead it is a program of three
// instructions (ioctl, negate, exit), a static ELF file of about 150 bytes, written to a memfd and
// executed from there. It needs one page of memory, nothing from any device, has the two
// descriptors and no other, the caller's root and its "/" as working directory, and a process group of its own.
//
// When the context ends the helper is killed. As long as the ioctl waits for the
// device's lock that calls it back; later nothing does, and the answer is ErrPending.
// The helper is then left to the kernel; the switch takes effect when the old file answers
// or fails at last. The goroutines that wait for it end with it. They, and a thread, are all
// that is left in the caller, which can go on and can exit.
//
// The helper is written for amd64 and arm64. Elsewhere, and where a memfd
// can't be executed (sysctl vm.memfd_noexec, a security module), the ioctl runs in a thread of
// the caller, which goes on all the same, but can't exit while it hangs. Report.Warnings says so.
//
// A caller that lives on the device should know that its own pages come from the new
// file from step 5 on. They are the same bytes: that is what step 4 is for.
package loopctl
