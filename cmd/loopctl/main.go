// Command loopctl manages loop devices, and switches the file under one while it
// is mounted and in use. It is package loopctl, with loopctl/failover, source and
// blockfs, on the command line; `loopctl help` lists its commands, `loopctl man` writes
// its manual page.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/molt-installer/molt/cmd/loopctl/internal/cli"
)

func main() {
	ctx, _ := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	os.Exit(run(ctx, os.Args[1:], cli.Streams{Out: os.Stdout, Err: os.Stderr}))
}

// run carries out a command line and gives the exit status.
func run(ctx context.Context, args []string, s cli.Streams) int {
	return report(s.Err, program().Run(ctx, args, s))
}
