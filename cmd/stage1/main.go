// Command stage1 is /init of the installer's initramfs. See package stage1.
package main

import (
	"os"

	"github.com/molt-installer/molt/stage1"
)

func main() { os.Exit(stage1.Main(os.Args)) }
