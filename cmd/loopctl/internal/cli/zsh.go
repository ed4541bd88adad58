package cli

import (
	"fmt"
	"strings"
)

// zsh writes a function for compinit: the command first, then _arguments with the
// options and arguments of that command.
func (p Program) zsh(b *strings.Builder) {
	fmt.Fprintf(b, `#compdef %[1]s
# zsh completion for %[1]s, written by %[1]s completion zsh

_%[1]s() {
    local state line curcontext=$curcontext
    local -a commands
    commands=(
`, p.Name)
	for _, c := range p.all() {
		fmt.Fprintf(b, "        %s\n", quote(c.Name+":"+c.Summary))
	}
	b.WriteString(`    )
    _arguments -C '(- *)'{-h,--help}'[list the commands]' '(- *)'{-V,--version}'[print the version]' \
        '1:command:->command' '*::argument:->argument' && return
    case $state in
    command)
        _describe command commands
        ;;
    argument)
        case $line[1] in
`)
	for _, c := range p.all() {
		fmt.Fprintf(b, "        %s)\n            _arguments -s", c.Name)
		for _, o := range c.options() {
			fmt.Fprintf(b, " \\\n                %s", o.zsh())
		}
		for i, a := range c.Args {
			fmt.Fprintf(b, " \\\n                %s", a.zsh(i+1))
		}
		b.WriteString("\n            ;;\n")
	}
	fmt.Fprintf(b, `        esac
        ;;
    esac
}

if [[ $funcstack[1] == _%[1]s ]]; then _%[1]s "$@"; else compdef _%[1]s %[1]s; fi
`, p.Name)
}

// zsh is the option as _arguments reads it.
func (o Option) zsh() string {
	text := strings.NewReplacer("[", "(", "]", ")", ":", `\:`).Replace(o.About)
	value := ""
	switch {
	case o.Arg != "" && o.Bare != "":
		value = "=-"
	case o.Arg != "":
		value = "="
	}
	tail := "[" + text + "]"
	if o.Arg != "" {
		sep := ":"
		if o.Bare != "" {
			sep = "::"
		}
		tail += sep + o.Arg + ":" + o.Offers.zsh()
	}
	if o.Short == "" {
		return quote("--" + o.Long + value + tail)
	}
	short := "-" + o.Short
	if value == "=" {
		short += "+"
	}
	return fmt.Sprintf("'(-%s --%s)'{%s,--%s%s}%s", o.Short, o.Long, short, o.Long, value, quote(tail))
}

// zsh is the argument as _arguments reads it.
func (a Arg) zsh(n int) string {
	place, colon := fmt.Sprint(n), ":"
	if a.Optional {
		colon = "::"
	}
	if a.Repeated {
		place, colon = "*", ":"
	}
	return quote(place + colon + a.Name + ":" + a.Offers.zsh())
}

func (o Offers) zsh() string {
	switch {
	case o.Files:
		return "_files"
	case o.Dirs:
		return "_files -/"
	case o.Words != nil:
		return "(" + strings.ReplaceAll(strings.Join(o.Words, " "), ":", `\:`) + ")"
	case o.Output != "":
		return "{compadd -- $(" + o.Output + " 2>/dev/null)}"
	}
	return " "
}
