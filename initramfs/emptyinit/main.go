// Command emptyinit is the smallest /init there is: it says that it is up and
// turns the machine off. The time to its line is what `make bench` divides the
// installer's time to the first screen by.
package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

func main() {
	fmt.Println("up")
	unix.Sync()
	if err := unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF); err != nil {
		fmt.Println("power off:", err)
	}
}
