package main

import (
	"context"
	"fmt"

	"github.com/molt-installer/molt/cmd/loopctl/internal/cli"
	"github.com/molt-installer/molt/loopctl"
)

func holdersCommand() cli.Command {
	asJSON := false
	return cli.Command{
		Name:    "holders",
		Summary: "name who keeps a mount, a file system or a block device busy",
		About: "PATH is a block device, or anything on the file system in question. Found are processes (open files, working and root directories, programs, " +
			"mapped files), mounts in any namespace, loop devices, swap, and devices built on top.",
		Args:    []cli.Arg{{Name: "PATH", Offers: cli.Offers{Files: true}}},
		Options: []cli.Option{jsonOption(&asJSON)},
		Run: func(ctx context.Context, args []string, s cli.Streams) error {
			found, err := loopctl.Holders(ctx, args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(s.Out, append([]loopctl.Holder{}, found...))
			}
			for _, h := range found {
				if _, err := fmt.Fprintln(s.Out, h); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
