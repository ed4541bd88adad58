package dialog

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"
)

// secretDraft is a password, typed twice.
type secretDraft struct {
	first, again string

	hash   string // of hashOf: a salt is new each time, and the answers shall stay the same
	hashOf string
}

// fields ask for it. Key is that of the first one; about is what guessers would try first.
func (d *secretDraft) fields(s *State, key, label, hint string, about ...string) []Field {
	return []Field{
		Text{Key: key, Label: label, Hint: hint, Secret: true, Value: &d.first, Check: checkPassword, Remark: strength(s.Words, about...)},
		Text{Key: key + "2", Label: s.Words.T("The same again"), Secret: true, Value: &d.again, Check: same(&d.first)},
	}
}

// agree says whether both are the same.
func (d *secretDraft) agree() error {
	if err := checkPassword(d.first); err != nil {
		return err
	}
	return same(&d.first)(d.again)
}

func same(first *string) func(string) error {
	return func(again string) error {
		if again != *first {
			return errors.New("the two passwords are not the same")
		}
		return nil
	}
}

// checkPassword refuses what crypt(3) or a terminal can't take.
func checkPassword(p string) error {
	if strings.ContainsFunc(p, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return errors.New("a password can't hold control characters")
	}
	return nil
}

// hashed is its crypt(5) form, or, without hash, something that stands for it. Whose it is, is for
// the error.
func (d *secretDraft) hashed(hash func(string) (string, error), whose string) (string, error) {
	if hash == nil {
		return "set", nil
	}
	if d.hash != "" && d.hashOf == d.first {
		return d.hash, nil
	}
	h, err := hash(d.first)
	if err != nil {
		return "", fmt.Errorf("hash the password of %s: %w", whose, err)
	}
	d.hash, d.hashOf = h, d.first
	return h, nil
}

// keyField asks for an SSH key.
func keyField(s *State, label string, value *string) Text {
	return Text{Key: "key", Label: label, Value: value, Check: checkKey,
		Hint: s.Words.T("The line of a file like id_ed25519.pub; empty for none.")}
}

// checkKey takes a line of authorized_keys, sshd(8). A private key isn't shown again.
func checkKey(line string) error {
	switch {
	case line == "":
		return nil
	case strings.Contains(line, "PRIVATE KEY"):
		return errors.New("that is a private key, which stays where it is: the public one is in the file that ends with .pub")
	case strings.ContainsAny(line, "\n\r"):
		return errors.New("one line, please")
	}
	if _, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line)); err != nil {
		return errors.New("not a public key: it begins like ssh-ed25519 AAAA")
	}
	return nil
}
