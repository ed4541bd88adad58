package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/internal/ksearly"
	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/stage2/kickstart"
	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/payload"
	"github.com/molt-installer/molt/stage2/payload/deb"
	"github.com/molt-installer/molt/stage2/payload/image"
	"github.com/molt-installer/molt/stage2/plan"
)

// planPlace is where a plan is made for: a machine, a set, or both.
type planPlace struct {
	machine *machine.Machine
	set     *builtSet
}

// openPlace reads what was named; an empty name leaves it out.
func openPlace(ctx context.Context, machineFile, setDir string) (*planPlace, error) {
	p := &planPlace{}
	if machineFile != "" {
		m, err := machine.Load(machineFile)
		if err != nil {
			return nil, err
		}
		p.machine = &m
	}
	if setDir != "" {
		set, err := openBuiltSet(ctx, setDir)
		if err != nil {
			return nil, err
		}
		p.set = set
	}
	return p, nil
}

// Close removes what was made for it.
func (p *planPlace) Close() error {
	if p.set == nil {
		return nil
	}
	return p.set.Close()
}

// plan resolves the software, if there is a set, and makes the plan, if there is a
// machine. Without a set storage and settings are planned as for a system of no packages.
func (p *planPlace) plan(ctx context.Context, k *ksFile) (*plan.Plan, error) {
	in := plan.Input{
		Answers: k.answers, Selection: &payload.Selection{}, IDs: counted(), Kickstart: kickstart.Redact(k.data),
		Handoff: handoff.Record{
			Build:  media.Build{Set: media.Set{Product: "No", Version: "set given", Discs: 1}},
			Medium: handoff.Medium{URL: "cdrom:", Disc: 1},
		},
	}
	if p.machine != nil {
		in.Machine = *p.machine
		// A machine without a drive is started from something that has all discs.
		in.Handoff.Medium.Whole = len(in.Machine.Drives) == 0
	}
	in.Handoff.Kickstart = k.early()
	if repo := in.Handoff.Kickstart.Repo; repo != "" {
		in.Handoff.Medium = handoff.Medium{URL: repo, Whole: true, Disc: 1}
	}
	if p.set != nil {
		sel, err := p.set.resolve(ctx, k.answers, in.Machine)
		if err != nil {
			return nil, err
		}
		in.Selection, in.Handoff.Build = sel, p.set.build
	}
	if k.answers.Source.Kind == "liveimg" {
		in.Selection = image.Selection(k.answers.Source)
	}
	if p.machine == nil {
		return nil, nil
	}
	return plan.Build(in)
}

// early is what stage 1 would go by of the file.
func (k *ksFile) early() *handoff.Kickstart {
	got, err := ksearly.Read(k.data, func(string) ([]byte, error) { return nil, nil }) // URLs are not fetched here
	if err != nil {
		return &handoff.Kickstart{}
	}
	early := &handoff.Kickstart{Repo: media.Redact(got.Source.Repo()), Updates: media.Redact(got.Updates)}
	for _, d := range got.Drivers {
		early.Drivers = append(early.Drivers, media.Redact(d))
	}
	return early
}

// counted are IDs that are the same each time, so that plans can be compared.
func counted() func() string {
	n := 0
	return func() string {
		n++
		return fmt.Sprintf("00000000-0000-4000-8000-%012x", n)
	}
}

// ksPlanned is what "molt ks plan -json" prints.
type ksPlanned struct {
	Kickstart string         `json:"kickstart"`
	Machine   string         `json:"machine"`
	Software  bool           `json:"software"` // a set was given: packages and space are real
	Warnings  []string       `json:"warnings,omitempty"`
	Problems  []plan.Problem `json:"problems,omitempty"` // then there is no plan
	Plan      *plan.Plan     `json:"plan,omitempty"`
}

// runKsPlan is "molt ks plan".
func runKsPlan(ctx context.Context, flags *flag.FlagSet, args []string, s streams) error {
	machineFile := flags.String("machine", "", "`file` of the machine, as molt machine prints it")
	setDir := flags.String("set", "", "`directory` of the set to install from")
	asJSON := flags.Bool("json", false, "print JSON")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 || *machineFile == "" {
		return errors.New("name a machine (-machine M.json; examples/machines has some) and one kickstart file")
	}
	k, err := readKs(flags.Arg(0), nil)
	if err != nil {
		return err
	}
	if !k.good() {
		return no(fmt.Errorf("ks plan: the file can't be used:\n%w", k.diags.Err()))
	}
	place, err := openPlace(ctx, *machineFile, *setDir)
	if err != nil {
		return err
	}
	defer place.Close()
	p, err := place.plan(ctx, k)
	var problems plan.Problems
	if err != nil && !errors.As(err, &problems) {
		return unplanned(err)
	}
	r := ksPlanned{Kickstart: k.name, Machine: filepath.Base(*machineFile), Software: place.set != nil, Problems: problems, Plan: p}
	r.Warnings = k.warnings()
	if err := r.write(s.out, *asJSON); err != nil || len(problems) == 0 {
		return err
	}
	return no(fmt.Errorf("ks plan: %s can't be installed on %s", k.name, r.Machine))
}

// unplanned is err, which is no list of problems, as the file's fault, where it asks for what the set
// doesn't have, or else as trouble with the set.
func unplanned(err error) error {
	var unknown *deb.UnknownError
	var conflict *deb.ConflictError
	if errors.As(err, &unknown) || errors.As(err, &conflict) {
		return no(fmt.Errorf("ks plan: %w", err))
	}
	return err
}

func (r ksPlanned) write(w io.Writer, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(r)
	}
	for _, warning := range r.Warnings {
		fmt.Fprintln(w, warning)
	}
	for _, p := range r.Problems {
		fmt.Fprintf(w, "%s: %s\n", r.Kickstart, p)
	}
	if r.Plan != nil {
		fmt.Fprint(w, r.Plan.Text())
	}
	if r.Plan != nil && !r.Software {
		fmt.Fprintln(w, "\nThe software was not looked at, and no space is counted for it: -set names a set that was built.")
	}
	return nil
}
