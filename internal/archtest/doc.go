// Package archtest is a test of the source itself: who may import whom, that
// every package says what it is, that nothing happens by init() or in package
// variables that change, and that functions and files stay small.
//
// There is nothing in it to import. docs/architecture.md tells the reasons, and
// tiers_test.go has the rules as data: who wants another architecture changes both.
package archtest
