// Command hello is the smallest installer a third party can build on stage2: a
// payload of its own, a step of its own, and everything else, from the kickstart
// to the switch and the boot loader, as it comes.
//
// What it installs is a directory tree from disc 1, below hello/.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/stage2"
	"github.com/molt-installer/molt/stage2/host"
	"github.com/molt-installer/molt/stage2/payload"
	"github.com/molt-installer/molt/stage2/plan"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error { return installer().Run(ctx) }

func installer() stage2.Installer {
	return stage2.Installer{
		Name:     "Hello 1",
		Payload:  func(_ context.Context, s stage2.Setup) (payload.Payload, error) { return tree{s.Host}, nil },
		Frontend: stage2.Terminal,
		Steps:    []plan.Step{greeting{"hello"}},
	}
}

// tree is a payload of one package: everything below hello/ on disc 1.
type tree struct{ host host.Host }

func (tree) Catalog() *media.Catalog { return &media.Catalog{} }

func (tree) Resolve(context.Context, payload.Request) (*payload.Selection, error) {
	return &payload.Selection{Packages: []payload.Package{{Name: "hello", Disc: 1, InstalledSize: 100 << 20}}}, nil
}

func (t tree) Fetch(ctx context.Context, f payload.Fetch) error {
	return t.host.Run(ctx, host.Command{Args: []string{"cp", "-a", f.Root + "/hello/.", f.Target}, Line: f.Progress.Line})
}

func (tree) Install(context.Context, *payload.Selection, string, payload.Progress) error { return nil }

func (tree) Finish(context.Context, *payload.Selection, string, payload.Progress) error { return nil }

// greeting is a step of our own: a struct of plain data.
type greeting struct{ text string }

func (greeting) ID() string    { return "greeting" }
func (greeting) Title() string { return "Leave a greeting" }
func (greeting) Weight() int   { return 1 }

func (g greeting) Run(_ context.Context, env *plan.Env) error {
	return env.Host.WriteFile(plan.Target+"/etc/motd", []byte(g.text+"\n"), 0o644)
}
