// Package reach is what the running installer reaches: its network, and the place that the
// packages are taken from; both as a person changes them before anything is written.
//
// It asks nobody: stage2/dialog has the questions, of whose interfaces Network and
// Source here are the real ones. What the installed system gets is plan's matter.
//
// # Contract
//
// What stage 1 has set up is never taken away: its network stays, and the medium that the
// installer runs from stays mounted. A change either works as a whole, with what was found checked
// against the Build of the initramfs, or leaves all as it was. Methods can be called
// from several goroutines; those with a context take time and end with it.
package reach
