package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/stage2"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/kickstart"
	"github.com/molt-installer/molt/stage2/payload"
	"github.com/molt-installer/molt/stage2/plan"
	"github.com/molt-installer/molt/stage2/regional"
)

const dryrunUsage = `usage: molt dryrun -machine M.json [-set DIR | -example DIR] [-kickstart FILE] [-save FILE] [-plain] [-lang LANGUAGE]

Asks all questions of an installation for the machine that M.json describes (examples/machines has some, molt machine
records this one), and ends with the plan. Nothing is installed, nothing needs root.
`

// dryrun is what molt dryrun was told.
type dryrun struct {
	machine, set, example string
	kickstart, save       string
	plain                 bool
	lang                  string
}

// runDryrun is "molt dryrun".
func runDryrun(ctx context.Context, args []string, s streams) error {
	var d dryrun
	flags := flag.NewFlagSet("dryrun", flag.ContinueOnError)
	flags.SetOutput(s.err)
	flags.Usage = func() { fmt.Fprint(s.err, dryrunUsage); flags.PrintDefaults() }
	flags.StringVar(&d.machine, "machine", "", "`file` of the machine, as molt machine prints it")
	flags.StringVar(&d.set, "set", "", "`directory` of a set that was built, for its packages")
	flags.StringVar(&d.example, "example", "examples/debian", "without a set: `directory` of the example whose groups are shown")
	flags.StringVar(&d.kickstart, "kickstart", "", "`file` that answers questions before they are asked")
	flags.StringVar(&d.save, "save", "", "`file` to write the answers to, as a kickstart")
	flags.BoolVar(&d.plain, "plain", false, "plain prompts instead of screens, as with inst.text.plain")
	flags.StringVar(&d.lang, "lang", "", "`language`, of the questions and of the system, as with inst.lang=: de, or de_AT.UTF-8")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 || d.machine == "" {
		return errors.New("dryrun: name a machine: -machine examples/machines/uefi-nvme.json; molt dryrun -h says what else there is")
	}
	return d.run(ctx, s)
}

func (d dryrun) run(ctx context.Context, s streams) error {
	r, err := d.rehearse(ctx)
	if err != nil {
		return fmt.Errorf("dryrun: %w", err)
	}
	defer r.place.Close()
	p, err := d.ask(ctx, r, s)
	if errors.Is(err, stage2.ErrLeft) {
		return no(fmt.Errorf("dryrun: there is no plan: %w", err))
	}
	if err != nil {
		return fmt.Errorf("dryrun: %w", err)
	}
	fmt.Fprintf(s.out, "\nThis is what would be done. It was a dry run: nothing was.\n\n%s", p.Text())
	fmt.Fprint(s.out, r.untried())
	if d.save == "" {
		return nil
	}
	if err := os.WriteFile(d.save, kickstart.Keep(r.answers()), 0o600); err != nil {
		return fmt.Errorf("dryrun: save the answers: %w", err)
	}
	fmt.Fprintf(s.out, "\nThe answers are in %s: with hashes of the passwords, without passphrases.\n", d.save)
	return nil
}

// ask has a person answer, on the terminal.
func (d dryrun) ask(ctx context.Context, r *rehearsal, s streams) (*plan.Plan, error) {
	setup := stage2.Setup{
		Name: r.name, Record: r.record, Answers: r.kickstart.answers, Dry: true,
	}
	face, err := d.face(setup, s)
	if err != nil {
		return nil, err
	}
	p, err := face.Decide(ctx, r.dialog())
	return p, errors.Join(err, face.Close())
}

func (d dryrun) face(setup stage2.Setup, s streams) (stage2.Frontend, error) {
	if d.plain {
		return stage2.PlainOn(setup, s.in, s.out), nil
	}
	return stage2.Terminal(setup)
}

// rehearsal is an installation without a machine.
type rehearsal struct {
	name      string
	place     *planPlace
	shelf     *shelf // without a set: what stands for its packages
	record    handoff.Record
	kickstart *ksFile

	mu   sync.Mutex
	last config.Answers // of the plan that was made last
}

// rehearse reads what was named.
func (d dryrun) rehearse(ctx context.Context) (*rehearsal, error) {
	r := &rehearsal{kickstart: &ksFile{}}
	var err error
	if d.kickstart != "" {
		if r.kickstart, err = readKs(d.kickstart, rand.Reader); err != nil {
			return nil, err
		}
		if !r.kickstart.good() {
			return nil, no(fmt.Errorf("the kickstart file can't be used:\n%w", r.kickstart.diags.Err()))
		}
	}
	if given := &r.kickstart.answers; given.Language == "" {
		given.Language = locale(d.lang)
	}
	if r.place, err = openPlace(ctx, d.machine, d.set); err != nil {
		return nil, err
	}
	build := media.Build{}
	if r.place.set != nil {
		build = r.place.set.build
	} else {
		if r.shelf, err = openShelf(d.example); err != nil {
			return nil, err
		}
		build.Set = r.shelf.set
	}
	r.name = build.Set.Name() + " (dry run)"
	r.record = handoff.Record{Build: build, Medium: handoff.Medium{URL: "cdrom:", Disc: 1, Whole: len(r.place.machine.Drives) == 0}}
	if d.kickstart != "" {
		r.record.Kickstart = r.kickstart.early()
	}
	return r, nil
}

// locale is what a language means when no country is given: "de" is "de_DE.UTF-8".
func locale(lang string) string {
	language, country, _ := strings.Cut(lang, "_")
	switch {
	case lang == "" || strings.Contains(lang, "."):
		return lang
	case language == "en" && country == "":
		return "en_US.UTF-8"
	}
	return language + "_" + cmp.Or(country, strings.ToUpper(language)) + ".UTF-8"
}

// dialog is what the person decides about.
func (r *rehearsal) dialog() stage2.Dialog {
	regions, _ := regional.Read(here()) // what isn't here is typed
	d := stage2.Dialog{
		Regions: regions,
		Name:    r.name, Answers: r.kickstart.answers, Machine: *r.place.machine, Record: r.record, Build: r.build,
		Resolve: func(ctx context.Context, a config.Answers) (*payload.Selection, error) { return r.resolve(ctx, a) },
	}
	if r.shelf != nil {
		d.Catalog, d.Find = &r.shelf.catalog, r.shelf.Find
	} else {
		d.Catalog, d.Find = r.place.set.pay.Catalog(), r.place.set.pay.Find
	}
	return d
}

func (r *rehearsal) resolve(ctx context.Context, a config.Answers) (*payload.Selection, error) {
	if r.shelf != nil {
		return r.shelf.resolve(a, *r.place.machine)
	}
	return r.place.set.resolve(ctx, a, *r.place.machine)
}

// build makes the plan, with IDs that are the same each time.
func (r *rehearsal) build(ctx context.Context, a config.Answers) (*plan.Plan, error) {
	sel, err := r.resolve(ctx, a)
	if err != nil {
		return nil, err
	}
	p, err := plan.Build(plan.Input{
		Answers: a, Machine: *r.place.machine, Selection: sel, Handoff: r.record, IDs: counted(), Kickstart: kickstart.Redact(r.kickstart.data),
	})
	if err == nil {
		r.mu.Lock()
		r.last = a
		r.mu.Unlock()
	}
	return p, err
}

func (r *rehearsal) answers() config.Answers {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

// untried says what can't be found out here.
func (r *rehearsal) untried() string {
	text := "\nNot tried: the keyboard layout on the console, the network, another source, and whether the discs can be read.\n"
	if r.shelf != nil {
		text += "The packages are made up, without what they depend on and without sizes: -set names a set that was built.\n"
	}
	return text
}
