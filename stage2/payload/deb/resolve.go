package deb

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/host"
	"github.com/molt-installer/molt/stage2/payload"
)

// Resolve implements payload.Payload. Errors of the choice are an
// *UnknownError or a *ConflictError.
func (p *Payload) Resolve(ctx context.Context, r payload.Request) (*payload.Selection, error) {
	x, err := p.prepare(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the package index of the set: %w", err)
	}
	c, err := p.choose(x, r)
	if err != nil {
		return nil, err
	}
	if err := p.apt(ctx, nil, "update", "--error-on=any"); err != nil {
		return nil, fmt.Errorf("read the package index of the set: %w", err)
	}
	sel, err := p.simulate(ctx, x, c)
	if err != nil {
		return nil, err
	}
	sel.Warnings, sel.Paths = c.warnings, pathRules(r.Software)
	// What is not in it came as a dependency: Finish tells apt in the target.
	if err := os.WriteFile(p.work("manual"), []byte(strings.Join(c.install, "\n")+"\n"), 0o644); err != nil {
		return nil, err
	}
	return sel, nil
}

func readIndex(data []byte) (*index, error) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	records, err := parseIndex(z)
	if err != nil {
		return nil, err
	}
	return newIndex(records), nil
}

// apt runs apt-get with the private configuration.
func (p *Payload) apt(ctx context.Context, line func(string), args ...string) error {
	return p.Commands.Run(ctx, host.Command{
		Args: append([]string{"apt-get"}, args...),
		Env:  []string{"APT_CONFIG=" + p.work("apt.conf")},
		Line: line,
	})
}

// simulate lets apt decide. Its words for a package it would install are
// "Inst libc6 (2.41-12 Molt:13/trixie [amd64])".
func (p *Payload) simulate(ctx context.Context, x *index, c choice) (*payload.Selection, error) {
	args := append([]string{"install", "--simulate"}, c.install...)
	for _, name := range c.exclude {
		args = append(args, name+"-")
	}
	inst := regexp.MustCompile(`^Inst (\S+) (?:\[[^]]*\] )?\((\S+) `)
	var output []string
	sel, lost := &payload.Selection{}, ""
	err := p.apt(ctx, func(line string) {
		output = append(output, line)
		m := inst.FindStringSubmatch(line)
		if m == nil {
			return
		}
		name, _, _ := strings.Cut(m[1], ":")
		rec, ok := x.find(name, m[2])
		if !ok {
			lost = line
		}
		sel.Packages = append(sel.Packages, rec.Package)
	}, args...)
	switch {
	case err != nil:
		return nil, conflict(err, output)
	case lost != "":
		return nil, fmt.Errorf("apt chose a package that is not in the index: %q", lost)
	}
	slices.SortFunc(sel.Packages, inDiscOrder)
	return sel, nil
}

func inDiscOrder(a, b payload.Package) int {
	return cmp.Or(cmp.Compare(a.Disc, b.Disc), cmp.Compare(a.Path, b.Path))
}

// conflict finds apt's reasons in its output.
func conflict(err error, output []string) error {
	var exit *host.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	var reasons []string
	in := false
	for _, line := range output {
		switch {
		case strings.HasPrefix(line, "The following packages have unmet dependencies"):
			in = true
		case strings.HasPrefix(line, "E: ") && !strings.Contains(line, "held broken packages"):
			reasons = append(reasons, strings.TrimPrefix(line, "E: "))
		case !strings.HasPrefix(line, " "):
			in = false
		case in:
			reasons = append(reasons, strings.Join(strings.Fields(line), " "))
		}
	}
	if reasons == nil {
		return err
	}
	return &ConflictError{Reasons: reasons}
}
