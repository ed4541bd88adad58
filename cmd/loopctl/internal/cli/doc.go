// Package cli is a command-line program as one table: its commands, their options
// and arguments, what they mean and what they can be completed with. The command line is
// parsed by the table, and help, manual page (man(7)) and completions for bash, zsh and
// fish are written from it, so that they can't disagree.
//
// It is no framework: it knows one level of commands, no configuration file, no
// environment, and prints no errors.
//
// # Contract
//
// Options have GNU's form, by pflag: -r, -rP, -o4K, --offset 4K, --offset=4K, before,
// between and behind the arguments, up to "--". A table is good for one Run: its
// options are bound to the variables of whoever made it. A wrong command line is a
// UsageError; nothing has been run then.
//
// Texts are plain: no tabs, no trailing newline. A blank line parts paragraphs, a
// paragraph whose lines begin with two spaces is kept as it is.
package cli
