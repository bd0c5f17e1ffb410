package persona

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// The characters that are invisible by themselves but change how their neighbours are drawn.
const (
	zeroWidthNonJoiner = '\u200c' // separates letters in Persian and Indic scripts
	zeroWidthJoiner    = '\u200d' // joins emoji and Indic letters
	blackFlag          = '\U0001f3f4'
	braillePatternNone = '\u2800' // a symbol by its category, drawn as a space
)

// CleanText returns text of a client in a form that is safe to store and to show: valid UTF-8 on one line, without
// control characters, without characters that are invisible or change the direction of what follows, and without
// spaces at either end. Joiners and variation selectors are kept where they belong, so that composed emoji and Indic and
// Persian words stay whole. The result has at most maxBytes bytes and is not cut inside a character.
func CleanText(text string, maxBytes int) string {
	text = visible(strings.ToValidUTF8(text, "\ufffd"))
	if len(text) <= maxBytes {
		return text
	}
	for maxBytes > 0 && !utf8.RuneStart(text[maxBytes]) {
		maxBytes--
	}
	return strings.TrimSpace(text[:maxBytes])
}

// visible removes from valid UTF-8 what CleanText promises to remove.
func visible(text string) string {
	runes := []rune(text)
	kept := make([]rune, 0, len(runes))
	for i, r := range runes {
		var before, after rune
		if len(kept) > 0 {
			before = kept[len(kept)-1]
		}
		if i+1 < len(runes) {
			after = runes[i+1]
		}
		switch {
		case r == '\u2028' || r == '\u2029' || r == '\t' || r == '\n' || r == '\r':
			kept = append(kept, ' ')
		case unicode.IsControl(r):
		case !isInvisible(r), belongs(r, before, after):
			kept = append(kept, r)
		}
	}
	return strings.TrimSpace(string(kept))
}

// isInvisible reports whether r alone draws nothing: the characters that Unicode calls default ignorable or format
// characters, and the empty braille pattern. Number signs of Arabic and its relatives are format characters that are
// drawn.
func isInvisible(r rune) bool {
	return r == braillePatternNone ||
		unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) &&
			!unicode.Is(unicode.Prepended_Concatenation_Mark, r)
}

// belongs reports whether an invisible character has work to do between its neighbours. before is the last character
// that was kept; 0 stands for none.
func belongs(r, before, after rune) bool {
	follows := before != 0 && !unicode.IsSpace(before)
	switch {
	case r == zeroWidthJoiner || r == zeroWidthNonJoiner:
		return follows && before != zeroWidthJoiner && before != zeroWidthNonJoiner &&
			after != 0 && !unicode.IsSpace(after) && !unicode.IsControl(after) && !isInvisible(after)
	case unicode.Is(unicode.Variation_Selector, r):
		return follows && !isInvisible(before)
	case r >= '\U000e0020' && r <= '\U000e007f': // tags spell the region of a flag, such as that of Scotland
		return before == blackFlag || before >= '\U000e0020' && before <= '\U000e007e'
	default:
		return false
	}
}

// hasVisible reports whether text draws anything: a letter, digit, symbol or punctuation mark.
func hasVisible(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsGraphic(r) && !unicode.IsSpace(r) && !unicode.IsMark(r) && !isInvisible(r)
	})
}
