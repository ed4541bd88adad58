// Package fetch opens files of a source: at a web or FTP server, in a directory
// that is mounted, or inside of an ISO 9660 image on any of these.
//
// # Contract
//
// A Tree opens files by name, a File is read at any place (ReadAt) or from one place on (Stream). Every
// operation takes a context and ends at once when that does. An operation at a server ends also when no
// byte has come for Options.Stall, whatever the server is doing. What a local file system does can't be
// interrupted: Dir looks at the context between two reads only.
//
// Every error but io.EOF is an *Error with exactly one of Reasons, and says in words what to do where that is
// known. A password is in none of them.
//
// # What is tried again
//
// A Stream that is cut goes on where it was, with growing pauses, as long as the file is still the same (else
// ErrChanged); it gives up when no byte has come for Options.Stall. Everything else is tried once:
// which source comes next, and when, is the caller's to say.
//
// # Reading in sequence
//
// Open asks for the whole file, and the answer is kept. A Stream from 0 and ReadAts that follow one another
// are read from it without a further request; a ReadAt elsewhere asks for its part alone.
//
// The package mounts nothing, checks no digest and caches nothing but the directories of an ISO image.
// A proxy, CAs and name servers come from its caller and from /etc/resolv.conf; variables of
// the environment are not looked at.
package fetch
