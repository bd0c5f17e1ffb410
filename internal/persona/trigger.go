package persona

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// MaxNameLetters is the longest display name, in characters.
const MaxNameLetters = 100

// maxTriggerStem keeps a trigger word short enough for the guide's column of 50 with its ending.
const maxTriggerStem = 24

// CleanName trims a display name and returns it, or an *Error with CodeNameInvalid when it is empty, longer than
// MaxNameLetters, not UTF-8, or holds control characters.
func CleanName(name string) (string, error) {
	name = strings.TrimSpace(norm.NFC.String(name))
	problem := ""
	switch {
	case !utf8.ValidString(name):
		problem = "The name is not valid UTF-8 text."
	case name == "":
		problem = "A name is needed: it is how the persona is called in lists."
	case utf8.RuneCountInString(name) > MaxNameLetters:
		problem = "The name is longer than 100 characters."
	case strings.ContainsFunc(name, unicode.IsControl):
		problem = "The name holds control characters."
	default:
		return name, nil
	}
	return "", &Error{Kind: Invalid, Code: CodeNameInvalid, Message: problem, Fields: []string{"name"}}
}

// TriggerWord makes the word that activates a model: the Latin letters of the name in lower case ("persona" where it
// has none), followed by the ending, which makes it unique. Letters alone are used because words of letters and
// digits are split badly by text encoders. ending must be 6 random letters a to z, so that a word of everyday
// language never activates a model and two people of one name never share a word.
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

// TriggerEnding turns random bytes into the 6 letters that TriggerWord takes; fewer than 6 bytes panic.
func TriggerEnding(random []byte) string {
	letters := make([]byte, 6)
	for i := range letters {
		letters[i] = 'a' + random[i]%26
	}
	return string(letters)
}
