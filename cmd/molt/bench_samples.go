package main

import (
	"math"
	"slices"
	"sort"
	"time"
)

// samples are times of the same thing, measured again and again.
type samples []time.Duration

// percentile is the p-th by nearest rank: the smallest of the samples that p % of
// them don't exceed. It is a time that was really taken.
func (s samples) percentile(p float64) time.Duration {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	rank := int(math.Ceil(p / 100 * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

func (s samples) median() time.Duration { return s.percentile(50) }

// span is when something began and ended, counted from a common start.
type span struct{ from, to time.Duration }

func (s span) length() time.Duration { return s.to - s.from }

// longestDuring is the longest of the reads that overlap w. reads don't overlap each
// other and are in order.
func longestDuring(w span, reads []span) time.Duration {
	first := sort.Search(len(reads), func(i int) bool { return reads[i].to > w.from })
	longest := time.Duration(0)
	for _, r := range reads[first:] {
		if r.from >= w.to {
			break
		}
		longest = max(longest, r.length())
	}
	return longest
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// mibPerSecond is the speed at which bytes took d.
func mibPerSecond(bytes int64, d time.Duration) float64 {
	return float64(bytes) / (1 << 20) / d.Seconds()
}
