// Package mediatest is what every source has to pass: a conformance suite for
// fetch.Tree, a Store of files with which something goes wrong, and servers
// that play it over HTTP and FTP.
//
// A test of a kind of source calls Run with a Kind. These servers are of this process.
// Nginx and Vsftpd are the real ones, Debian's packages with a configuration of the
// test's own, that hang, die and come back. All of it is for tests only.
package mediatest
