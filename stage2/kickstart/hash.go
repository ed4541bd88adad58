package kickstart

import (
	"crypto/pbkdf2"
	"crypto/sha512"
	"fmt"
	"io"

	"github.com/openwall/yescrypt-go"
)

// Unhashed stands where a password was given but there was no randomness to
// hash it with. crypt(3) knows no such method, so no password ever opens it.
const Unhashed = "$unhashed$"

const (
	// saltSize is that of crypt_gensalt(3) for yescrypt.
	saltSize = 16
	// cryptPrefix asks for yescrypt with N=4096, r=32: 16 MiB and some 50 ms,
	// Debian's default, crypt(5).
	cryptPrefix = "$y$j9T$"
	cryptDigits = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// HashPassword makes the hash of a password that crypt(3) takes, with a salt
// read from rand.
func HashPassword(rand io.Reader, password string) (string, error) {
	salt := make([]byte, saltSize)
	if _, err := io.ReadFull(rand, salt); err != nil {
		return "", fmt.Errorf("read a salt for the password: %w", err)
	}
	hash, err := yescrypt.Hash([]byte(password), []byte(cryptPrefix+encodeSalt(salt)))
	if err != nil {
		return "", fmt.Errorf("hash the password: %w", err)
	}
	return string(hash), nil
}

// encodeSalt writes bytes in crypt(5)'s digits: three bytes are four digits, the
// lowest six bits first.
func encodeSalt(salt []byte) string {
	var out []byte
	for len(salt) > 0 {
		n := min(3, len(salt))
		var v uint32
		for i := n - 1; i >= 0; i-- {
			v = v<<8 | uint32(salt[i])
		}
		for bits := 0; bits < n*8; bits += 6 {
			out = append(out, cryptDigits[v&63])
			v >>= 6
		}
		salt = salt[n:]
	}
	return string(out)
}

// What grub-mkpasswd-pbkdf2(1) makes when it isn't told otherwise.
const (
	grubPrefix = "grub.pbkdf2.sha512."
	grubRounds = 10000
	grubSize   = 64 // bytes of the salt, and of the hash
)

// HashBootPassword makes the hash of a password that GRUB's password_pbkdf2
// takes, with a salt read from rand.
func HashBootPassword(rand io.Reader, password string) (string, error) {
	salt := make([]byte, grubSize)
	if _, err := io.ReadFull(rand, salt); err != nil {
		return "", fmt.Errorf("read a salt for the boot loader's password: %w", err)
	}
	hash, err := pbkdf2.Key(sha512.New, password, salt, grubRounds, grubSize)
	if err != nil {
		return "", fmt.Errorf("hash the boot loader's password: %w", err)
	}
	return fmt.Sprintf("%s%d.%X.%X", grubPrefix, grubRounds, salt, hash), nil
}
