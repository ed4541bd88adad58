package stage2

import "golang.org/x/sys/unix"

// noCTTY keeps a console from becoming the controlling terminal, open(2).
const noCTTY = unix.O_NOCTTY
