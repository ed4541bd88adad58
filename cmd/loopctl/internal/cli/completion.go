package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
)

func shells() []string { return []string{"bash", "fish", "zsh"} }

// completionAbout says where the shells look.
func completionAbout(name string) string {
	return fmt.Sprintf(`It takes effect in new shells once it is where they look for it:

  bash  /etc/bash_completion.d/%[1]s, with the package bash-completion
  fish  /etc/fish/completions/%[1]s.fish
  zsh   /usr/local/share/zsh/site-functions/_%[1]s`, name)
}

func (p Program) completion(_ context.Context, args []string, s Streams) error {
	write := map[string]func(*strings.Builder){"bash": p.bash, "fish": p.fish, "zsh": p.zsh}[args[0]]
	if write == nil {
		return &UsageError{Text: fmt.Sprintf("%q is none of %s", args[0], strings.Join(shells(), ", "))}
	}
	var b strings.Builder
	write(&b)
	_, err := io.WriteString(s.Out, b.String())
	return err
}

// options are the command's with the one that each has.
func (c Command) options() []Option {
	return append(slices.Clone(c.Options), helpOption())
}

// names are the option with its dashes.
func (o Option) names() []string {
	if o.Short == "" {
		return []string{"--" + o.Long}
	}
	return []string{"-" + o.Short, "--" + o.Long}
}

// quote makes one word of the shell of s.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// bash writes a function that offers, by the command in the line: values behind an
// option that takes one, else options behind a dash, else arguments.
func (p Program) bash(b *strings.Builder) {
	fmt.Fprintf(b, `# bash completion for %[1]s, written by %[1]s completion bash

_%[1]s_offer() {
    local cur=$1 IFS=$'\n'
    case $2 in
    files) compopt -o filenames; COMPREPLY=($(compgen -f -- "$cur")) ;;
    dirs) compopt -o filenames; COMPREPLY=($(compgen -d -- "$cur")) ;;
    words) shift 2; COMPREPLY=($(compgen -W "$(printf '%%s\n' "$@")" -- "$cur")) ;;
    output) COMPREPLY=($(compgen -W "$(eval "$3" 2>/dev/null)" -- "$cur")) ;;
    esac
}

_%[1]s() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]} n=0 i
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        _%[1]s_offer "$cur" words %[2]s --help --version
        return
    fi
    if [[ $prev == = ]]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi
    if [[ $cur == = ]]; then cur=; fi
    case $command:$prev in
`, p.Name, strings.Join(p.names(), " "))
	for _, c := range p.all() {
		p.bashValues(b, c)
	}
	fmt.Fprintf(b, `    esac
    if [[ $cur == -* ]]; then
        case $command in
`)
	for _, c := range p.all() {
		var words []string
		for _, o := range c.options() {
			words = append(words, o.names()...)
		}
		fmt.Fprintf(b, "        %s) _%s_offer \"$cur\" words %s ;;\n", c.Name, p.Name, strings.Join(words, " "))
	}
	b.WriteString(`        esac
        return
    fi
    for ((i = 2; i < COMP_CWORD; i++)); do
        if [[ ${COMP_WORDS[i]} != -* ]]; then ((n++)); fi
    done
    case $command:$n in
`)
	for _, c := range p.all() {
		p.bashArgs(b, c)
	}
	fmt.Fprintf(b, "    esac\n}\n\ncomplete -F _%[1]s %[1]s\n", p.Name)
}

// bashValues are the cases of options that take a value. Where nothing is known of
// it nothing is offered.
func (p Program) bashValues(b *strings.Builder, c Command) {
	for _, o := range c.Options {
		if o.Arg == "" {
			continue
		}
		var cases []string
		for _, name := range o.names() {
			cases = append(cases, c.Name+":"+name)
		}
		offer := o.Offers.bash(p.Name)
		if o.Bare != "" { // only behind "="; else it is an argument that comes
			offer = "if [[ ${COMP_WORDS[COMP_CWORD-1]} == = || ${COMP_WORDS[COMP_CWORD]} == = ]]; then " + offer + "; return; fi"
		} else {
			offer += "; return"
		}
		fmt.Fprintf(b, "    %s) %s ;;\n", strings.Join(cases, " | "), offer)
	}
}

// bashArgs are the cases of a command's arguments. Values of options are counted as
// arguments, so that the last kind of argument goes on for ever.
func (p Program) bashArgs(b *strings.Builder, c Command) {
	for i, a := range c.Args {
		n := fmt.Sprint(i)
		if i == len(c.Args)-1 {
			n = "*"
		}
		fmt.Fprintf(b, "    %s:%s) %s ;;\n", c.Name, n, a.Offers.bash(p.Name))
	}
}

func (o Offers) bash(program string) string {
	offer := "_" + program + `_offer "$cur" `
	switch {
	case o.Files:
		return offer + "files"
	case o.Dirs:
		return offer + "dirs"
	case o.Words != nil:
		return offer + "words " + strings.Join(o.Words, " ")
	case o.Output != "":
		return offer + "output " + quote(o.Output)
	}
	return "COMPREPLY=()"
}

// fish writes a line for each command and option.
func (p Program) fish(b *strings.Builder) {
	fmt.Fprintf(b, "# fish completion for %[1]s, written by %[1]s completion fish\n\ncomplete -c %[1]s -f\n", p.Name)
	fmt.Fprintf(b, "complete -c %s -n __fish_use_subcommand -s h -l help -d 'list the commands'\n", p.Name)
	fmt.Fprintf(b, "complete -c %s -n __fish_use_subcommand -s V -l version -d 'print the version'\n", p.Name)
	for _, c := range p.all() {
		fmt.Fprintf(b, "complete -c %s -n __fish_use_subcommand -a %s -d %s\n", p.Name, c.Name, quote(c.Summary))
		head := fmt.Sprintf("complete -c %s -n '__fish_seen_subcommand_from %s'", p.Name, c.Name)
		for _, o := range c.options() {
			fmt.Fprintf(b, "%s -l %s", head, o.Long)
			if o.Short != "" {
				fmt.Fprintf(b, " -s %s", o.Short)
			}
			if o.Arg != "" && o.Bare == "" {
				b.WriteString(" -r")
			}
			fmt.Fprintf(b, "%s -d %s\n", o.Offers.fish(), quote(o.About))
		}
		for _, a := range c.Args {
			if offer := a.Offers.fish(); offer != "" {
				fmt.Fprintf(b, "%s%s\n", head, offer)
			}
		}
	}
}

func (o Offers) fish() string {
	switch {
	case o.Files:
		return " -F"
	case o.Dirs:
		return " -a '(__fish_complete_directories)'"
	case o.Words != nil:
		return " -a " + quote(strings.Join(o.Words, " "))
	case o.Output != "":
		return " -a " + quote("("+o.Output+" 2>/dev/null)")
	}
	return ""
}
