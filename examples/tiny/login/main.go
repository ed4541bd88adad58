// Command login is the tiny system's login(1): busybox's doesn't know yescrypt,
// in which Debian's passwords are hashed.
//
// It asks for the password of the account that getty(8) names, checks it
// against /etc/shadow and becomes that account's shell. There is no PAM, and no
// record of who logged in.
package main

import (
	"bufio"
	"crypto/subtle"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/openwall/yescrypt-go"
	"golang.org/x/term"
)

// pause is how long a wrong password costs.
const pause = 2 * time.Second

var errIncorrect = errors.New("Login incorrect") //nolint:staticcheck // what login has said since 1971

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// run asks for the password of the account that the last argument names.
func run(args []string) error {
	name, err := userName(args)
	if err != nil {
		return err
	}
	fmt.Print("Password: ")
	password, err := term.ReadPassword(0)
	fmt.Println()
	if err != nil {
		return fmt.Errorf("read the password: %w", err)
	}
	shadow, account := entry("/etc/shadow", name), entry("/etc/passwd", name)
	if len(shadow) < 2 || len(account) < 7 || !matches(password, shadow[1]) {
		<-time.After(pause)
		return errIncorrect
	}
	return becomeShell(account)
}

func userName(args []string) (string, error) {
	if n := len(args); n > 0 && args[n-1] != "--" {
		return args[n-1], nil
	}
	fmt.Print("login: ")
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	return strings.TrimSpace(line), err
}

// entry is the line of an account in a file of colon-separated fields.
func entry(path, name string) []string {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	for _, line := range strings.Split(string(data), "\n") {
		if fields := strings.Split(line, ":"); fields[0] == name {
			return fields
		}
	}
	return nil
}

// matches says whether the password has this hash; a locked account's "*" or "!…" has none.
func matches(password []byte, hash string) bool {
	if !strings.HasPrefix(hash, "$y$") {
		return false
	}
	got, err := yescrypt.Hash(password, []byte(hash))
	return err == nil && subtle.ConstantTimeCompare(got, []byte(hash)) == 1
}

// becomeShell drops to the account and runs its shell as a login shell.
func becomeShell(account []string) error {
	uid, err := strconv.Atoi(account[2])
	if err != nil {
		return fmt.Errorf("user id of %s: %w", account[0], err)
	}
	gid, err := strconv.Atoi(account[3])
	if err != nil {
		return fmt.Errorf("group id of %s: %w", account[0], err)
	}
	if err := errors.Join(syscall.Setgroups(groups(account[0])), syscall.Setgid(gid), syscall.Setuid(uid)); err != nil {
		return fmt.Errorf("become %s: %w", account[0], err)
	}
	if os.Chdir(account[5]) != nil {
		fmt.Println("No directory, logging in with HOME=/")
		account[5] = "/"
	}
	shell := account[6]
	env := []string{"HOME=" + account[5], "SHELL=" + shell, "USER=" + account[0], "LOGNAME=" + account[0],
		"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "TERM=" + os.Getenv("TERM")}
	err = syscall.Exec(shell, []string{"-" + shell[strings.LastIndexByte(shell, '/')+1:]}, env)
	return fmt.Errorf("run %s: %w", shell, err)
}

// groups are the supplementary groups of an account.
func groups(name string) []int {
	data, err := os.ReadFile("/etc/group")
	if err != nil {
		return nil
	}
	var ids []int
	for _, line := range strings.Split(string(data), "\n") {
		fields := strings.Split(line, ":")
		if len(fields) == 4 && strings.Contains(","+fields[3]+",", ","+name+",") {
			if id, err := strconv.Atoi(fields[2]); err == nil {
				ids = append(ids, id)
			}
		}
	}
	return ids
}
