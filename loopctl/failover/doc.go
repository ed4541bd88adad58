// Package failover reads from the first of an ordered list of sources that is
// well. A source that hangs, fails or has changed costs a reader one deadline, and
// the answer comes from the next one; when the first is well again, it serves again.
//
// It is not a cache, keeps no copy, doesn't spread load and asks no two sources at
// once. It doesn't know what the right bytes are: sources must have the same content,
// and what makes sure of it is Options.Check, or a layer above, or loopctl.Switch,
// which compares. It imports the standard library alone.
//
// # Contract
//
// A ReadAt gives each source at most Options.Deadline, so it never takes longer than
// the number of sources times that. It asks those that are well first, in the order
// given, and before it gives up those that aren't too. If none answers, the error is an
// *Error with the one reason of each.
//
// Whatever a source does, it can't harm a reply that has been given: every attempt
// reads into a buffer of its own. A source that hangs keeps its goroutine, and a thread
// where it hangs in a system call, for as long as it does; at most Options.Parallel
// of them, then it isn't asked any more until one comes back.
//
// # The breaker
//
// Each source has one. Closed: it is asked. Options.Failures failures in a row, or a
// single ErrTimeout or ErrChanged, open it: the source is down. Every Options.Probe it is
// half-open while a probe asks for its size and for what it failed to read last; an
// answer closes the breaker, a failure opens it again. An answer to a request that had
// no other source left closes it too. A source that keeps failing soon after its return
// is probed less and less often, down to a 32nd.
package failover
