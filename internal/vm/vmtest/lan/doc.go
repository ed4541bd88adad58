// Package lan gives guests of tests a network: a switch, and on it a host with
// Debian's own DHCP, name, web and NFS servers.
//
//	func TestNFS(t *testing.T) {
//		if !lan.Isolated(t) {
//			return
//		}
//		l := lan.New(t)
//		l.DHCP()
//		l.NFS(tree)
//		r := vmtest.Begin(t, vmtest.Scenario{NoDisc: true, NICs: []vm.NIC{l.NIC()}, …})
//
// [Isolated] runs the test once more in a process with network, processes and
// mounts of its own. So the servers have their usual ports, nothing of the
// machine's network is touched or needed, and all ends with that process, however it ends.
//
// It is for tests alone, needs root, and knows nothing of installations.
package lan
