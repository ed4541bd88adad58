package plan

import "github.com/molt-installer/molt/stage2/plan/layout"

// Why there can be no plan; the package layout has most of the reasons.
type (
	Code     = layout.Code
	Problem  = layout.Problem
	Problems = layout.Problems
)

// The codes.
const (
	NoTarget      = layout.NoTarget
	DiskUnknown   = layout.DiskUnknown
	DiskRefused   = layout.DiskRefused
	DiskNotNamed  = layout.DiskNotNamed
	DiskKept      = layout.DiskKept
	TooSmall      = layout.TooSmall
	BadPartition  = layout.BadPartition
	DoubleMount   = layout.DoubleMount
	NoRoot        = layout.NoRoot
	NoBoot        = layout.NoBoot
	NotSupported  = layout.NotSupported
	BadAccount    = layout.BadAccount
	NoLogin       = layout.NoLogin
	BadNetwork    = layout.BadNetwork
	BadName       = layout.BadName
	DiscUnknown   = layout.DiscUnknown
	NothingChosen = layout.NothingChosen
	BadReference  = layout.BadReference
	NameTaken     = layout.NameTaken
	StackBroken   = layout.StackBroken
	BadEncryption = layout.BadEncryption
)
