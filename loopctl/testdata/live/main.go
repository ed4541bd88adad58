// Command live runs from an image whose file is switched below it. For every line on
// its standard input it touches a part of itself that it has not needed before, reads
// itself and the files around it, writes one, and answers with what it read.
package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
)

// ballast is part of the program's text, paged in on demand.
//
//go:embed ballast
var ballast string

func main() {
	const steps = 16
	lines := bufio.NewScanner(os.Stdin)
	for step := 0; lines.Scan(); step = (step + 1) % steps {
		part := len(ballast) / steps
		h := sha256.New()
		h.Write([]byte(ballast[step*part : (step+1)*part]))
		names, err := filepath.Glob("/[a-z]")
		for _, name := range append(names, "/live") {
			data, rerr := os.ReadFile(name)
			if rerr != nil {
				err = rerr
			}
			h.Write(data)
		}
		if err == nil {
			err = os.WriteFile("/written", bytes.Repeat([]byte(lines.Text()), 10000), 0o600)
		}
		if err != nil {
			fmt.Println("error:", err)
			return
		}
		fmt.Printf("%d %x\n", step, h.Sum(nil))
	}
}
