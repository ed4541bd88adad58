// Command loopctl manages loop devices, and switches the file under one while it
// is mounted and in use. It is package loopctl, with loopctl/failover, source and
// blockfs, on the command line; `loopctl help` lists its commands, `loopctl man` writes
// its manual page.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/molt-installer/molt/cmd/loopctl/internal/cli"
)

// main does nothing itself: the kernel gives a process's signals to the main thread first, and to
// no other when that hangs in a read (complete_signal of kernel/signal.c).
func main() {
	runtime.LockOSThread()
	ctx, _ := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := make(chan int)
	go func() { status <- run(ctx, os.Args[1:], cli.Streams{Out: os.Stdout, Err: os.Stderr}) }()
	os.Exit(<-status)
}

// run carries out a command line and gives the exit status.
func run(ctx context.Context, args []string, s cli.Streams) int {
	return report(s.Err, program().Run(ctx, args, s))
}
