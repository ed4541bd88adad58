package dialog

import (
	"unicode/utf8"

	zxcvbn "github.com/ccojocar/zxcvbn-go"

	"github.com/molt-installer/molt/stage2/words"
)

// Lengths of passwords in letters.
const (
	shortPassword = 8  // below it a remark says so
	judged        = 48 // of longer ones only so much is judged: it takes time, and they are strong by then
)

// strength says in words how hard to guess a password is, as zxcvbn estimates
// it: by word lists, keyboard rows, dates and repetition. About are words that
// guessers would try first, such as the user's name.
func strength(w *words.Catalog, about ...string) func(string) string {
	var last, said string
	return func(password string) string {
		if password == "" {
			return ""
		}
		if password != last {
			last, said = password, judge(w, password, about)
		}
		return said
	}
}

func judge(w *words.Catalog, password string, about []string) string {
	letters := []rune(password)
	score := zxcvbn.PasswordStrength(string(letters[:min(len(letters), judged)]), about).Score
	how := []string{w.T("very weak"), w.T("weak"), w.T("fair"), w.T("good"), w.T("strong")}[max(0, min(score, 4))]
	if utf8.RuneCountInString(password) < shortPassword {
		return w.T("Strength: %s; shorter than %d letters", how, shortPassword)
	}
	return w.T("Strength: %s", how)
}
