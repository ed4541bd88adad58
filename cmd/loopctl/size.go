package main

import (
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"

	"github.com/molt-installer/molt/cmd/loopctl/internal/cli"
)

// bytesOption is an option that takes a size.
func bytesOption(to *uint64, long, short, about string) cli.Option {
	return cli.Option{Long: long, Short: short, Arg: "BYTES", About: about, Set: func(s string) (err error) {
		*to, err = parseSize(s)
		return err
	}}
}

// parseSize reads a number with one of losetup's suffixes.
func parseSize(s string) (uint64, error) {
	digits := strings.TrimRight(s, "KMGTPEiB")
	n, err := strconv.ParseUint(digits, 10, 64)
	factor, ok := multiplier(s[len(digits):])
	high, product := bits.Mul64(n, factor)
	if err != nil || !ok || high != 0 {
		return 0, fmt.Errorf("%q is not a size", s)
	}
	return product, nil
}

// multiplier is what a suffix means: K and KiB 1024, KB 1000.
func multiplier(suffix string) (uint64, bool) {
	if suffix == "" {
		return 1, true
	}
	power := strings.Index("KMGTPE", suffix[:1]) + 1
	base := map[string]uint64{"": 1024, "iB": 1024, "B": 1000}[suffix[1:]]
	if power == 0 || base == 0 {
		return 0, false
	}
	n := uint64(1)
	for range power {
		n *= base
	}
	return n, true
}

// people is a size for people: "35 B", "1.5 MiB".
func people(n int64) string {
	size, unit := float64(n), 0
	for size >= 1024 && unit < len(units()) {
		size /= 1024
		unit++
	}
	if unit == 0 {
		return fmt.Sprintf("%d B", n)
	}
	if size >= 100 {
		size = math.Round(size)
	}
	return strconv.FormatFloat(size, 'f', decimals(size), 64) + " " + units()[unit-1]
}

func units() []string { return []string{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"} }

// decimals leaves three digits, or the whole number.
func decimals(size float64) int {
	if size >= 100 || size == math.Trunc(size) {
		return 0
	}
	return 1
}
