package kickstart

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"

	"github.com/go-crypt/crypt/algorithm/shacrypt"
	"github.com/openwall/yescrypt-go"
)

// ErrHashMethod says that a hash is of a kind that can't be checked here.
var ErrHashMethod = errors.New("only hashes of yescrypt ($y$), SHA-512 ($6$) and SHA-256 ($5$) can be checked here")

// longestPassword is in bytes, as of crypt(3), which refuses longer ones. What a hash costs grows faster
// than its password.
const longestPassword = 512

// CheckPassword reports whether a hash, crypt(5), is of the password. An error
// says that this can't be known. It takes as long for a wrong password as for the right one.
func CheckPassword(hash, password string) (bool, error) {
	if len(password) > longestPassword {
		return false, nil
	}
	rest, crypted := strings.CutPrefix(hash, "$")
	if !crypted {
		return false, ErrHashMethod // locked, or of traditional DES
	}
	switch method, _, _ := strings.Cut(rest, "$"); method {
	case "y", "7":
		got, err := yescrypt.Hash([]byte(password), []byte(hash))
		if err != nil {
			return false, fmt.Errorf("check a password: %w", err)
		}
		return subtle.ConstantTimeCompare(got, []byte(hash)) == 1, nil
	case "5", "6":
		digest, err := shacrypt.Decode(hash)
		if err != nil {
			return false, fmt.Errorf("check a password: %w", err)
		}
		return digest.MatchAdvanced(password)
	}
	return false, ErrHashMethod
}
