package hosttest

import (
	"context"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/host"
)

// Reply is what a command answers.
type Reply struct {
	Lines  []string // to Command.Line
	Stdout string   // to Command.Stdout; without one, line by line to Command.Line
	Fds    []string // to file descriptors 3, 4, …
	Err    error    // an *host.ExitError without Args gets those of the command
	// Do is what the command does besides; the Host can be used in it.
	Do func(ctx context.Context, c host.Command) error
}

// answer holds the replies to the commands with a prefix, the next one first.
type answer struct {
	prefix  []string
	replies []Reply
}

// Answer says what commands that start with prefix answer. Of several prefixes
// the longest counts; given several times, the replies are used in turn, the
// last one for ever. A command without an answer succeeds without output.
func (h *Host) Answer(r Reply, prefix ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range h.answers {
		if slices.Equal(a.prefix, prefix) {
			a.replies = append(a.replies, r)
			return
		}
	}
	h.answers = append(h.answers, &answer{prefix, []Reply{r}})
}

// Run implements host.Commands.
func (h *Host) Run(ctx context.Context, c host.Command) error {
	r, err := h.start(c)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := deliver(c, r); err != nil {
		return err
	}
	if r.Do != nil {
		if err := r.Do(ctx, c); err != nil {
			return err
		}
	}
	if e, ok := r.Err.(*host.ExitError); ok && e.Args == nil {
		return &host.ExitError{Args: c.Args, Code: e.Code, Tail: e.Tail}
	}
	return r.Err
}

// start records the command and takes its reply.
func (h *Host) start(c host.Command) (Reply, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	line := strings.Join(c.Args, " ")
	if c.Root != "" {
		line = "in " + c.Root + ": " + line
	}
	if err := h.call("run %s", line); err != nil {
		return Reply{}, err
	}
	for _, device := range devicesWritten(c.Args) {
		h.wrote(device)
	}
	return h.reply(c.Args), nil
}

func (h *Host) reply(args []string) Reply {
	var best *answer
	for _, a := range h.answers {
		if len(a.prefix) <= len(args) && slices.Equal(a.prefix, args[:len(a.prefix)]) &&
			(best == nil || len(a.prefix) > len(best.prefix)) {
			best = a
		}
	}
	if best == nil {
		return Reply{}
	}
	r := best.replies[0]
	if len(best.replies) > 1 {
		best.replies = best.replies[1:]
	}
	return r
}

func deliver(c host.Command, r Reply) error {
	for i, text := range r.Fds {
		if i < len(c.Fds) {
			if _, err := io.WriteString(c.Fds[i], text); err != nil {
				return err
			}
		}
	}
	lines := r.Lines
	if c.Stdout != nil {
		if _, err := io.WriteString(c.Stdout, r.Stdout); err != nil {
			return err
		}
	} else if r.Stdout != "" {
		lines = append(slices.Clone(lines), strings.Split(strings.TrimSuffix(r.Stdout, "\n"), "\n")...)
	}
	for _, l := range lines {
		if c.Line != nil {
			c.Line(l)
		}
	}
	return nil
}

// writes reports whether a program of many uses is called to write its devices.
func writes(args []string) bool {
	return len(args) > 1 && slices.Contains([]string{
		"mdadm --create", "cryptsetup luksFormat", "lvm pvcreate", "lvm vgcreate",
	}, path.Base(args[0])+" "+args[1])
}

// devicesWritten are the device nodes among the arguments of a program that
// writes to devices.
func devicesWritten(args []string) []string {
	name := path.Base(args[0])
	if !strings.HasPrefix(name, "mkfs") && !slices.Contains([]string{
		"mkswap", "mke2fs", "wipefs", "dd", "sgdisk", "sfdisk", "parted", "grub-install", "tune2fs", "blkdiscard",
	}, name) {
		return nil
	}
	var devices []string
	for _, a := range args[1:] {
		if a = strings.TrimPrefix(a, "of="); strings.HasPrefix(a, "/dev/") {
			devices = append(devices, a)
		}
	}
	return devices
}
