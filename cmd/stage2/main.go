// Command stage2 is the second stage of the Debian installer: Debian packages
// over several discs, or the one image that a kickstart names, on the machine itself,
// asked for on its terminal. Stage 1 starts it; by hand it is of no use.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/molt-installer/molt/stage2"
	"github.com/molt-installer/molt/stage2/payload"
	"github.com/molt-installer/molt/stage2/payload/deb"
	"github.com/molt-installer/molt/stage2/payload/image"
)

func main() {
	ctx, stop := stage2.Signals(context.Background())
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	in := stage2.Installer{Payload: system, Frontend: stage2.Terminal}
	return in.Run(ctx)
}

func system(ctx context.Context, s stage2.Setup) (payload.Payload, error) {
	if s.Answers.Source.Kind == "liveimg" {
		return image.New(image.Config{Source: s.Answers.Source, Disc1: s.Disc1, Host: s.Host, Options: s.Fetch}), nil
	}
	return deb.New(ctx, deb.Config{
		Build: s.Record.Build, Disc1: s.Disc1, Whole: s.Record.Medium.Whole, Commands: s.Host, Mirrors: s.Answers.Mirrors,
	})
}
