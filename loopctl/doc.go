// Package loopctl manages Linux loop devices, LOOP_CHANGE_FD among it: the
// replacement of the file under a read-only loop device while it is mounted and in use.
package loopctl
