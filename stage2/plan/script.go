package plan

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/host"
)

// script runs a script section of the kickstart. What it prints goes to its
// log alone, since it may be secret.
type script struct {
	base
	config.Script
}

// NewScript is a step that runs s. Outside of the target it finds the target
// as /mnt/sysimage and /mnt/sysroot, as Anaconda's scripts do.
func NewScript(id string, s config.Script) Step {
	title := fmt.Sprintf("Run the %%%s script", s.Kind)
	if s.Origin != "" {
		title += " of " + s.Origin
	}
	return script{base{id, title, 2}, s}
}

func (s script) Run(ctx context.Context, env *Env) error {
	root, install := Target, "/"
	if s.outside() {
		root, install = "", Target
		if err := linkTarget(env); err != nil {
			return err
		}
	}
	if err := env.Host.MkdirAll(root+"/tmp", 0o1777); err != nil {
		return fmt.Errorf("make room for a script: %w", err)
	}
	file := "/tmp/installer-" + s.id
	if err := env.Host.WriteFile(root+file, []byte(s.Body), 0o700); err != nil {
		return fmt.Errorf("write the script: %w", err)
	}
	defer env.Host.Remove(root + file)
	var output strings.Builder
	err := env.Host.Run(ctx, host.Command{
		Args: append(strings.Fields(cmp.Or(s.Interpreter, "/bin/sh")), file), Root: root,
		Env:  []string{"ANA_INSTALL_PATH=" + install},
		Line: func(line string) { output.WriteString(line + "\n") },
	})
	if keep := s.keep(env, root, output.String()); keep != nil {
		warn(env, "the output of a script could not be kept: "+keep.Error())
	}
	return s.judge(ctx, env, err)
}

// outside reports whether the script runs in the installer and not the target.
// Scripts that run before there is a system have no choice.
func (s script) outside() bool { return s.NoChroot || s.Kind != config.Post }

// judge makes a failure a warning unless the script says --erroronfail.
func (s script) judge(ctx context.Context, env *Env, err error) error {
	if err == nil {
		return nil
	}
	if exit, ok := err.(*host.ExitError); ok {
		err = fmt.Errorf("exit status %d", exit.Code) // what it printed last may be secret
	}
	err = fmt.Errorf("the %%%s script (%s): %w", s.Kind, cmp.Or(s.Origin, "no origin"), err)
	if s.ErrorOnFail || ctx.Err() != nil {
		return err
	}
	warn(env, err.Error())
	return nil
}

func (s script) keep(env *Env, root, output string) error {
	if s.Log == "" {
		return nil
	}
	if err := env.Host.MkdirAll(root+path.Dir(s.Log), 0o755); err != nil {
		return err
	}
	return env.Host.WriteFile(root+s.Log, []byte(output), 0o600)
}

func linkTarget(env *Env) error {
	if err := env.Host.MkdirAll("/mnt", 0o755); err != nil {
		return fmt.Errorf("make /mnt: %w", err)
	}
	for _, name := range []string{"/mnt/sysimage", "/mnt/sysroot"} {
		if err := env.Host.Symlink(Target, name); err != nil {
			return fmt.Errorf("link %s: %w", name, err)
		}
	}
	return nil
}
