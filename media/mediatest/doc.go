// Package mediatest is what every source has to pass: a conformance suite for
// fetch.Tree, a Store of files with which something goes wrong, and servers
// that play it over HTTP and FTP.
//
// A test of a kind of source calls Run with a Kind. The servers are of this process
// and for tests only; nginx and vsftpd are tried by the tests of package fetch.
package mediatest
