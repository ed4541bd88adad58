package plan

import "github.com/molt-installer/molt/stage2/config"

// Steps without which a person gets a system that starts and that somebody can log in
// to; what is missing can be done in it later. engine.Skipper asks.

// Skippable: only what runs in a system that is there already.
func (s script) Skippable() bool     { return s.Kind == config.Post }
func (services) Skippable() bool     { return true }
func (network) Skippable() bool      { return true }
func (certificates) Skippable() bool { return true }
func (logs) Skippable() bool         { return true }

// Harmless says that a failure of it can lead back to the questions: engine.Harmless asks.
func (checkImage) Harmless() bool { return true }
