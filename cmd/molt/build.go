package main

import (
	"context"
	"flag"
	"fmt"
	"path/filepath"

	"github.com/molt-installer/molt/media/disc"
)

// runBuild is "molt build".
func runBuild(ctx context.Context, args []string, s streams) error {
	flags := flag.NewFlagSet("build", flag.ContinueOnError)
	flags.SetOutput(s.err)
	out := flags.String("o", "build", "`directory` for the results: EXAMPLE/ and cache/ below it")
	mirror := flags.String("mirror", "", "`URI` of a Debian archive; default: the first one in this machine's apt sources")
	update := flags.Bool("update", false, "fetch the package lists anew")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return fmt.Errorf("build: name the folder of one example: molt build examples/debian")
	}
	d, err := disc.Load(flags.Arg(0))
	if err != nil {
		return err
	}
	result, err := disc.Build(ctx, d, disc.Options{
		Out: filepath.Join(*out, d.Name), Cache: filepath.Join(*out, "cache"),
		Mirror: *mirror, Update: *update, Log: s.out,
	})
	if err != nil {
		return err
	}
	for _, image := range result.Discs {
		fmt.Fprintf(s.out, "%s  %.1f MB  %d packages\n", image.Path, float64(image.Size)/1e6, image.Packages)
	}
	return nil
}

// runDeps is "molt deps".
func runDeps(ctx context.Context, args []string, s streams) error {
	flags := flag.NewFlagSet("deps", flag.ContinueOnError)
	flags.SetOutput(s.err)
	dry := flags.Bool("n", false, "only say what is missing")
	building := flags.Bool("build", false, "only what building discs needs, not running and testing them")
	if err := flags.Parse(args); err != nil {
		return err
	}
	wanted := disc.Requirements()
	if !*building {
		wanted = append(wanted, disc.TestRequirements()...)
	}
	missing := disc.Missing(wanted)
	for _, m := range missing {
		fmt.Fprintf(s.out, "%-24s missing: %s\n", m.Package, m.Why)
	}
	if *dry || len(missing) == 0 {
		return nil
	}
	return disc.Install(ctx, missing, s.out)
}
