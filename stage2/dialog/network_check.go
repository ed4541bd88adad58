package dialog

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

// judged is what a plan says of answers about the network.
func (s *State) judged(answers []config.Network) NetworkCheck {
	if s.Facts.Reach.Check == nil {
		return NetworkCheck{}
	}
	return s.Facts.Reach.Check(answers)
}

// netProblems is all that is wrong with answers.
func (s *State) netProblems(answers []config.Network) error {
	var lines []string
	for _, p := range s.judged(answers).Problems {
		lines = append(lines, plainly(p))
	}
	if len(lines) == 0 {
		return nil
	}
	return errors.New(strings.Join(lines, "\n"))
}

// added is what is wrong with an answer beyond what is wrong with another without what is looked
// at: a plan judges answers as a whole, and a line that is typed wants to know of itself alone.
func (s *State) added(with, without config.Network) error {
	before := s.judged([]config.Network{without}).Problems
	for _, p := range s.judged([]config.Network{with}).Problems {
		if !slices.Contains(before, p) {
			return errors.New(plainly(p))
		}
	}
	return nil
}

// remarked are the warnings, likewise.
func (s *State) remarked(with, without config.Network) string {
	before := s.judged([]config.Network{without}).Warnings
	for _, p := range s.judged([]config.Network{with}).Warnings {
		if !slices.Contains(before, p) {
			return s.Words.Said(plainly(p))
		}
	}
	return ""
}

// plainly is a problem without the kickstart's spelling of what it is about.
func plainly(problem string) string {
	interfaces := regexp.MustCompile(`^network --device=(\S*): `)
	options := regexp.MustCompile(`^--[a-z0-9]+=(\S*: )?`)
	return options.ReplaceAllString(interfaces.ReplaceAllString(problem, ""), "")
}
