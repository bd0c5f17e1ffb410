package persona_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
)

func TestCleanName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"  Анна  ":                    "Анна",
		"Zoe\u0308":                   "Zo\u00eb",
		strings.Repeat("ä", 100):      strings.Repeat("ä", 100),
		"Ada\u202egnp.exe":            "Adagnp.exe", // what follows would be shown from right to left
		"\u2066Ada\u2069\u200f":       "Ada",
		"A\u200bd\ufeffa\u2060\u00ad": "Ada",
		"Ada\u200d":                   "Ada", // joins nothing
		"Ada \u200dB":                 "Ada B",
		"Ada\u2028Byron":              "Ada Byron",
		"\u3164Ada\u115f\u1160":       "Ada",
		"👩\u200d👩\u200d👧\u200d👦":      "👩\u200d👩\u200d👧\u200d👦",
		"👁\ufe0f\u200d🗨\ufe0f":        "👁\ufe0f\u200d🗨\ufe0f",
		"❤\ufe0f":                     "❤\ufe0f",
		"👩🏽\u200d🔬":                   "👩🏽\u200d🔬",
		"🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f": "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
		"Ada\U000e0067\U000e0062": "Ada", // letters that nobody sees
		"علی\u200cرضا":            "علی\u200cرضا",
		"ক্\u200dষ":               "ক্\u200dষ",
		"\u0600123":               "\u0600123", // a format character that is drawn
		"٪":                       "٪",
	} {
		got, err := persona.CleanName(name)
		require.NoError(t, err, "%q", name)
		require.Equal(t, want, got, "%q", name)
	}
	for name, want := range map[string]string{
		"":                                     "A name is needed.",
		"   ":                                  "A name is needed.",
		strings.Repeat("ä", 101):               "longer than 100 characters",
		"a\x00b":                               "control characters",
		"a\nb":                                 "control characters",
		"a\u0085b":                             "control characters",
		"\xff\xfe":                             "not valid UTF-8",
		"\u200b":                               "no visible characters",
		"\u200d\u200c\u2060\ufeff":             "no visible characters",
		"\u202e\u2066\u2069\u200e\u200f\u061c": "no visible characters",
		"\u00ad":                               "no visible characters",
		"\u3164":                               "no visible characters",
		"\uffa0 \u115f":                        "no visible characters",
		"\u2800":                               "no visible characters",
		"\U000e0041\U000e0064\U000e0061":       "no visible characters",
		"\ufe0f":                               "no visible characters",
		"\u0301\u0301":                         "no visible characters",
		"\u2028":                               "A name is needed.",
	} {
		_, err := persona.CleanName(name)
		require.Equal(t, persona.CodeNameInvalid, persona.CodeOf(err), "%q", name)
		require.ErrorContains(t, err, want, "%q", name)
	}
}

func TestCleanText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		most int
		want string
	}{
		{"curl/8.5", 64, "curl/8.5"},
		{" Mozilla/5.0\r\nSet-Cookie: x", 64, "Mozilla/5.0  Set-Cookie: x"},
		{"a\x00b\x1b[31mc\u0085", 64, "ab[31mc"},
		{"\xffagent", 64, "\ufffdagent"},
		{"\u202eagent\u200b", 64, "agent"},
		{strings.Repeat("ä", 9), 16, strings.Repeat("ä", 8)},
		{"a" + strings.Repeat("ä", 9), 16, "a" + strings.Repeat("ä", 7)},
		{strings.Repeat("x", 15) + " yz", 16, strings.Repeat("x", 15)},
		{"ä", 1, ""},
		{"a", 0, ""},
	} {
		require.Equal(t, c.want, persona.CleanText(c.text, c.most), "%q", c.text)
	}
}
