// Package network brings the network up while the installer runs: as the boot options
// say in stage 1, as a person at the screens says in stage 2.
//
//	var m network.Manager
//	found, err := m.Up(ctx, network.Config{Options: opts, Hosts: hosts, First: firstByte, Tell: show})
//	record.Network = found
//
// [Build] is pure: boot options and the interfaces that are there make a [Plan],
// which is data. A [Manager] applies it, again whenever an interface comes, and
// runs one worker per interface: it waits for the link, gets addresses (DHCP,
// router advertisements, or those given) and renews them for as long as the
// network is up, which an installation can need longer than a lease lasts.
//
// An interface with a link is not yet a network. Up returns when one is usable:
// it has an address, a route, a name server that knows the source's name, and a
// first byte came from the source, which only the caller can ask for. What of
// this is missing is told by a [State] for each interface, with one reason.
// Where the options name no interface all are tried at the same time: the first
// usable one stays, the others are put back as they were.
//
// Nothing here reads boot options (internal/bootargs does), fetches anything, or
// configures the installed system: that is stage 2's, by its answers or the
// handoff.Network that Up returned in stage 1. It works in the network namespace of the process, needs root,
// and expects /proc and /sys.
package network
