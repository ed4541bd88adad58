// Package bootargs reads the kernel command line into Options: what a person,
// a boot loader or a boot server asks of the installer.
//
// The names are Anaconda's (inst.*) and dracut's (ip=, bond=, …), so that boot
// configurations for those work here too; docs/boot-options.md lists them. The
// words of the line are taken apart as the kernel does it. Of an option that
// can be given once, the last wins.
//
// It does no I/O, and it never fails: what it can't make sense of becomes a
// Warning, because an installer that stops over a mistyped option is no help
// on a machine without a keyboard. Names that are neither known nor begin
// with "inst." are the kernel's, and none of our business.
package bootargs
