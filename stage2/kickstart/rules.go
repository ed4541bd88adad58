package kickstart

import "strings"

// The rules most commands need.

// atMostOne of the options may be given.
func atMostOne(options ...string) rule {
	return func(c *call) string {
		if given := c.given(options); len(given) > 1 {
			return "--" + given[0] + " and --" + given[1] + " exclude each other"
		}
		return ""
	}
}

// atLeastOne of the options must be given.
func atLeastOne(options ...string) rule {
	return func(c *call) string {
		if len(c.given(options)) == 0 {
			return "one of --" + strings.Join(options, ", --") + " is needed"
		}
		return ""
	}
}

// needs says that an option makes sense only with one of the others.
func needs(option string, others ...string) rule {
	return func(c *call) string {
		if c.has(option) && len(c.given(others)) == 0 {
			return "--" + option + " goes only with --" + strings.Join(others, " or --")
		}
		return ""
	}
}

// between limits a number.
func between(option string, low, high int, text string) rule {
	return func(c *call) string {
		if c.has(option) && (c.num(option) < low || c.num(option) > high) {
			return "--" + option + " must be " + text
		}
		return ""
	}
}

// given filters the options that were given.
func (c *call) given(options []string) []string {
	var given []string
	for _, o := range options {
		if c.has(o) {
			given = append(given, o)
		}
	}
	return given
}

// argOrNot says that there are positional arguments exactly when none of the
// options is given.
func argsUnless(what string, options ...string) rule {
	return func(c *call) string {
		if len(c.args) == 0 && len(c.given(options)) == 0 {
			return what + " needed, or --" + options[0]
		}
		return ""
	}
}
