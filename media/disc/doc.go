// Package disc makes a set of discs, on the host, out of an example: a folder
// with a distro.toml.
//
// [Load] reads the distro.toml, [Build] does the rest: apt resolves and
// downloads what the base system and the groups need, each group lands on the
// disc it names, every disc becomes a Debian repository with a signed Release,
// and xorriso writes the ISO images. Disc 1 also carries the kernel, the
// initramfs, the stage2 image and the index of all discs.
//
// It installs nothing on the host (see [Missing] for what it needs there) and
// it is no part of the installer: nothing of it runs in a guest.
//
// # Caching
//
// Everything that is slow to make lies below Options.Cache in a directory named
// by the digest of what it was made from, so what is there is right, and a second build
// fetches nothing and makes nothing. Package lists are fetched once;
// Options.Update fetches them anew.
//
// # Reproducibility
//
// The same package lists, programs, key and host tools give the same images byte by
// byte. The date in them is SOURCE_DATE_EPOCH or, without it, the date of the
// newest of the archive's Release files.
package disc
