package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/molt-installer/molt/media/disc"
)

var errWrongImage = errors.New("iso check: something is wrong with these images")

// runISO is "molt iso check".
func runISO(ctx context.Context, args []string, s streams) error {
	if len(args) < 2 || args[0] != "check" {
		return errors.New("iso: say molt iso check FILE…")
	}
	var failed error
	for _, image := range args[1:] {
		findings, err := disc.Check(ctx, image)
		if err != nil {
			return err
		}
		for _, f := range findings {
			if f.Err != nil {
				failed = errWrongImage
				fmt.Fprintf(s.out, "%s: WRONG: %s: %v\n", image, f.What, f.Err)
				continue
			}
			fmt.Fprintf(s.out, "%s: right: %s\n", image, f.What)
		}
	}
	return failed
}
