package main

import (
	"testing"
	"time"
)

func TestPercentile(t *testing.T) {
	hundred := make(samples, 100)
	for i := range hundred {
		hundred[i] = time.Duration(100 - i) // 100 … 1: it must sort
	}
	tests := []struct {
		name string
		s    samples
		p    float64
		want time.Duration
	}{
		{"none", nil, 50, 0},
		{"one", samples{7}, 99, 7},
		{"median of two is the lower", samples{9, 3}, 50, 3},
		{"median of three", samples{9, 3, 5}, 50, 5},
		{"p50", hundred, 50, 50},
		{"p99", hundred, 99, 99},
		{"p100", hundred, 100, 100},
		{"p0 is the smallest", hundred, 0, 1},
		{"p99 of few is the largest", samples{1, 2, 3}, 99, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.s.percentile(tt.p); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
	if hundred[0] != 100 {
		t.Error("the samples themselves were sorted")
	}
}

func TestLongestDuring(t *testing.T) {
	reads := []span{{0, 10}, {10, 12}, {12, 50}, {50, 53}, {60, 100}}
	tests := []struct {
		name string
		w    span
		want time.Duration
	}{
		{"one that begins before", span{5, 6}, 10},
		{"the longer of two", span{9, 11}, 10},
		{"one that lasts longer", span{20, 30}, 38},
		{"those that only touch don't count", span{10, 12}, 2},
		{"none", span{54, 58}, 0},
		{"behind the last", span{200, 300}, 0},
		{"all", span{0, 300}, 40},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := longestDuring(tt.w, reads); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

func TestSpeed(t *testing.T) {
	if got := mibPerSecond(512<<20, 250*time.Millisecond); got != 2048 {
		t.Errorf("got %v", got)
	}
	if got := milliseconds(1500 * time.Microsecond); got != 1.5 {
		t.Errorf("got %v", got)
	}
}
