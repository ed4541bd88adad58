// Package media knows where an installer's image and packages come from: sets
// of discs, the drives they are in, and the sources that boot options name.
//
// # Sets and discs
//
// A Set is what one build made: some discs, numbered from 1, that belong
// together. Each has a .discinfo (DiscInfo) that says so and a .treeinfo
// (TreeInfo) that says what is where. The Build, which travels in the
// initramfs, holds the sizes and digests of what is on disc 1; whatever is read
// from a disc is to be checked against it.
//
// # Drives
//
// Look says what is in a drive, without mounting it. A Drive is one that is
// open for a moment, to ask for its state or to move its tray. A Watch notices
// when something changes.
//
// # Sources
//
// ParseSource reads what inst.stage2=, inst.repo= and inst.ks= say. Volumes are
// the disks and partitions with their labels, for sources that name one. An ISO
// finds files in an image that isn't mounted. Package fetch opens what is at a server.
//
// The package mounts nothing, checks no digest and asks nobody. It needs
// Linux and nothing else beyond golang.org/x/sys/unix.
package media
