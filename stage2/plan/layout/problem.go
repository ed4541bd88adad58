package layout

import (
	"fmt"
	"strings"
)

// Code says what kind of Problem it is, for a front end that leads a person to
// the place where it can be mended.
type Code string

// The codes.
const (
	NoTarget      Code = "no-target"      // no disk may be written
	DiskUnknown   Code = "disk-unknown"   // a disk that is named isn't there
	DiskRefused   Code = "disk-refused"   // a disk that is named can't be a target
	DiskNotNamed  Code = "disk-not-named" // a partition for which no disk is named
	DiskKept      Code = "disk-kept"      // a disk still has something that was not given up
	TooSmall      Code = "too-small"      // of a disk or a file system
	BadPartition  Code = "bad-partition"  // a size, file system type or label that can't be
	DoubleMount   Code = "double-mount"   // a mount point twice
	NoRoot        Code = "no-root"        // no root file system
	NoBoot        Code = "no-boot"        // the firmware would find nothing to start
	NotSupported  Code = "not-supported"  // an answer that this version can't carry out
	BadAccount    Code = "bad-account"    // of a user
	NoLogin       Code = "no-login"       // nobody could log in
	BadNetwork    Code = "bad-network"    // an address or interface that can't be
	BadName       Code = "bad-name"       // a host name, locale or time zone that can't be
	DiscUnknown   Code = "disc-unknown"   // a disc the set doesn't have
	NothingChosen Code = "nothing-chosen" // no payload
	BadReference  Code = "bad-reference"  // a member, group or pool that isn't there, or is used twice
	NameTaken     Code = "name-taken"     // an array or group of that name is there and stays
	StackBroken   Code = "stack-broken"   // an array or group would lose a part of its members
	BadEncryption Code = "bad-encryption" // no passphrase, or options that don't go together
)

// Problem is one reason why there can be no plan.
type Problem struct {
	Code    Code   `json:"code"`
	Subject string `json:"subject,omitempty"` // what it is about: "/dev/vda", "/home", "alice"
	Text    string `json:"text"`              // for a person, with what to do
}

func (p Problem) String() string {
	if p.Subject == "" {
		return p.Text
	}
	return p.Subject + ": " + p.Text
}

// Problems are all reasons at once. As an error it names each on a line.
type Problems []Problem

func (p Problems) Error() string { return strings.Join(p.Lines(), "\n") }

// Lines are the problems as text, one each.
func (p Problems) Lines() []string {
	lines := make([]string, len(p))
	for i, q := range p {
		lines[i] = q.String()
	}
	return lines
}

// Has reports whether one of the problems has code c.
func (p Problems) Has(c Code) bool {
	for _, q := range p {
		if q.Code == c {
			return true
		}
	}
	return false
}

// Add adds one, unless it is there already.
func (p *Problems) Add(c Code, subject, format string, args ...any) {
	q := Problem{Code: c, Subject: subject, Text: fmt.Sprintf(format, args...)}
	for _, old := range *p {
		if old == q {
			return
		}
	}
	*p = append(*p, q)
}
