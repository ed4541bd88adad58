package loopctl

import (
	"os"
	"time"
)

// Verify selects what Switch proves about the new file before it is used.
type Verify int

const (
	VerifyFull   Verify = iota // compare device and file byte for byte
	VerifyDigest               // hash the file and compare with SwitchOptions.Digest; the old file isn't read
	VerifyNone                 // nothing, as the kernel does
)

// The stages of a Switch, for SwitchOptions.Progress.
const (
	StageCopy   = "copy"   // ToMemory: bytes copied
	StageSync   = "sync"   // fsync of the new file
	StageVerify = "verify" // bytes compared or hashed before the switch
	StageSwitch = "switch" // the ioctl; done 0, total the number of requests it still waits for
	StageCheck  = "check"  // bytes read back through the device
)

// SwitchOptions are the options of Switch. The zero value, or nil, is the safe one.
type SwitchOptions struct {
	Verify      Verify
	Digest      []byte        // SHA-256 of the new file (from Offset, up to SizeLimit if one is set), for VerifyDigest
	SkipRecheck bool          // don't read everything back through the device afterwards
	StallAfter  time.Duration // refuse with ErrStalled when requests wait and none completes for so long; default 2 s
	Timeout     time.Duration // for the ioctl alone, beside ctx; 0: none. A scratched disc can need minutes
	AllowFSKill bool          // go on although the kernel will shut the file system down
	Old         *os.File      // the current backing file, for a roll-back; default: opened by the path in sysfs
	Progress    func(stage string, done, total int64)
}

// Report is what a Switch did; with an error, as far as it got.
type Report struct {
	Old      Info          `json:"old"`
	New      Info          `json:"new"`
	SHA256   string        `json:"sha256"` // lower-case hex, of the content
	Bytes    int64         `json:"bytes"`  // of the device
	Fsync    time.Duration `json:"fsync"`
	Verify   time.Duration `json:"verify"`
	Ioctl    time.Duration `json:"ioctl"` // LOOP_CHANGE_FD, with the start of its helper, 1 or 2 ms
	Check    time.Duration `json:"check"`
	Warnings []string      `json:"warnings,omitempty"` // what could not be made sure, in words
}
