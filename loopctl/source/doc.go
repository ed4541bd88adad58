// Package source opens the places that failover reads from: regular files, block
// devices, and files on http and https servers that know ranges.
//
// It doesn't retry, cache or judge content: that is for the layers above. Nor does it
// mount: a file on NFS is a path.
//
// # Contract
//
// Open only understands the spec. Nothing is touched before the first request, so a
// list may begin with a server that is down, and what is wrong with it is said by the
// request. A source finds its way back by itself: a file is opened again after an
// error, a connection made anew. The content is taken for the same as long as its marks
// are those of the first answer: size and time of change of a file, size of a block
// device, size and ETag (or Last-Modified) of a URL. Another mark is failover.ErrChanged.
//
// Requests to servers end with their context. Reads of files don't: a file on a dead
// NFS server holds its reader in the kernel for as long as it pleases, and Close with it
// doesn't wait. failover expects that.
//
// Names and errors hold no user, password or query of a URL: they end up in logs.
package source
