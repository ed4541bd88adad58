package console

import (
	"context"
	"errors"
	"fmt"

	"github.com/molt-installer/molt/stage2/host"
)

// lost is the exit status of shellScript when its terminal is gone for good.
const lost = 97

// shellScript is sh's. It is started as the leader of a session, so the terminal that it opens
// becomes its own, and with it that of the shell, which then has job control. When it is ended, the
// kernel hangs the terminal up, and with that ends the shell, which SIGTERM alone doesn't
// (disassociate_ctty in drivers/tty/tty_jobctrl.c). The colon keeps sh from becoming the shell.
const shellScript = `
true <"$1" || exit 97
exec <"$1" >"$1" 2>&1
printf '\033[H\033[J%s\n' "$2"
until read -r _; do [ -t 0 ] || exit 97; done
cd /root || cd /
$(command -v bash || echo sh) -l
:
`

// Shell keeps a shell on one of the console's terminals until ctx ends: it is started when Enter is
// pressed there, which invitation says, and again when it has been left.
func (c *Console) Shell(ctx context.Context, tty, invitation string) error {
	for {
		err := c.host.Run(ctx, host.Command{Args: []string{"sh", "-c", shellScript, "shell", c.TTY(tty), invitation}, Env: []string{"TERM=linux"}})
		var exit *host.ExitError
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && (!errors.As(err, &exit) || exit.Code == lost):
			return fmt.Errorf("keep a shell on %s: %w", tty, err)
		}
	}
}
