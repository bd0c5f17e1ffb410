package persona

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// MaxNameLetters is the longest display name, in characters.
const MaxNameLetters = 100

// maxTriggerStem is the longest part of a trigger word that comes from the name. With its ending the word fits the
// column of 50 characters.
const maxTriggerStem = 24

// CleanName returns a display name as it is stored: in Unicode's form NFC, without spaces at its ends and without
// invisible characters (see CleanText). It returns an *Error with CodeNameInvalid when the name is not UTF-8, has
// control characters, draws nothing, or is longer than MaxNameLetters once it is clean.
func CleanName(name string) (string, error) {
	problem, clean := "", ""
	if utf8.ValidString(name) {
		clean = visible(norm.NFC.String(name))
	}
	switch {
	case !utf8.ValidString(name):
		problem = "The name is not valid UTF-8 text."
	case strings.ContainsFunc(strings.TrimSpace(name), unicode.IsControl):
		problem = "The name has control characters."
	case strings.TrimSpace(name) == "":
		problem = "A name is needed. Lists show it."
	case !hasVisible(clean):
		problem = "The name has no visible characters."
	case utf8.RuneCountInString(clean) > MaxNameLetters:
		problem = fmt.Sprintf("The name is longer than %d characters.", MaxNameLetters)
	default:
		return clean, nil
	}
	return "", &Error{Kind: Invalid, Code: CodeNameInvalid, Message: problem, Fields: []string{"name"}}
}

// TriggerWord returns the word that activates a model: the Latin letters of the name in lower case, or "persona" if it
// has none, and then the ending. It has letters only, because text encoders split words of letters and digits badly.
// ending must be 6 random letters a to z. It makes the word unique: no word of everyday language activates a model, and
// two people of one name get different words.
func TriggerWord(name, ending string) string {
	plain, _, err := transform.String(
		transform.Chain(norm.NFKD, runes.Remove(runes.In(unicode.Mn)), norm.NFC), strings.ToLower(name))
	if err != nil {
		plain = ""
	}
	stem := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, plain)
	if len(stem) > maxTriggerStem {
		stem = stem[:maxTriggerStem]
	}
	if stem == "" {
		stem = "persona"
	}
	return stem + ending
}

// TriggerEnding returns the 6 letters of an ending for TriggerWord. It panics if random has fewer than 6 bytes.
func TriggerEnding(random []byte) string {
	letters := make([]byte, 6)
	for i := range letters {
		letters[i] = 'a' + random[i]%26
	}
	return string(letters)
}
