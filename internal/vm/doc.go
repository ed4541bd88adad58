// Package vm runs guests in QEMU for tests, for the demo, the bench and
// molt run: it starts a machine, talks on its serial line, follows the events
// it tells on a virtio-serial port, and changes the discs in its drives.
//
// It is not a general QEMU library and it knows nothing of installers; what a
// scenario of this project needs stands in scenario and vmtest. Only the standard
// library and QEMU's own programs are used.
//
// A Guest is a child process that dies with the program that started it. All
// waiting is for something that happens (a QMP event, a line on the console,
// the end of the process), never for time to pass, and ends with the context,
// or when the guest's kernel panics: then nothing will happen any more.
// An error of waiting tells the last lines of the console and the last events.
package vm
