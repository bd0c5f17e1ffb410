package api_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
)

const trainPath = "/api/personas/train"

// without is goodForm with one field left out or replaced.
func without(field, instead string, photos int) *form {
	f := newForm()
	for _, kept := range [][2]string{{"name", "Ada"}, {"consent", fullConsent}} {
		switch {
		case kept[0] != field:
			f.field(kept[0], kept[1])
		case instead != "":
			f.field(field, instead)
		}
	}
	for i := range photos {
		f.photo(jpegOf(uint64(i)))
	}
	return f
}

// hugePNG is the beginning of a picture of 60000 x 60000 pixels, and nothing more.
func hugePNG() []byte {
	head := append([]byte("IHDR"), binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, 60_000), 60_000)...)
	head = append(head, 8, 2, 0, 0, 0)
	data := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), head...)
	data = binary.BigEndian.AppendUint32(data, crc32.ChecksumIEEE(head))
	return append(data, bytes.Repeat([]byte{0}, 400)...)
}

// brokenEXIF is a good picture with an EXIF block of nonsense.
func brokenEXIF(seed uint64) []byte {
	data := jpegOf(seed)
	block := append([]byte("Exif\x00\x00II*\x00"), bytes.Repeat([]byte{0xfe}, 40)...)
	segment := append([]byte{0xff, 0xe1, 0, byte(len(block) + 2)}, block...)
	return append(append(append([]byte{}, data[:2]...), segment...), data[2:]...)
}

func TestTrainRefuses(t *testing.T) {
	t.Parallel()
	refusal := func(name string, status int, code persona.Code, form func() *form, want ...string) scenario {
		return scenario{
			name: name, user: ada, method: http.MethodPost, path: trainPath, form: form,
			status: status, want: append(want, `"code":"`+string(code)+`"`), wantNot: []string{"SQL", "storage:", "goroutine"},
		}
	}
	with := func(bad []byte) func() *form { return func() *form { return goodForm(5).photo(bad) } }
	inOrder(t, newWorld(t), []scenario{
		refusal("no name", 422, persona.CodeNameInvalid, func() *form { return without("name", "", 5) }, `"fields":["name"]`),
		refusal("a name of 300 letters", 422, persona.CodeNameInvalid,
			func() *form { return without("name", strings.Repeat("a", 300), 5) }, "100 characters"),
		refusal("a name that nobody sees", 422, persona.CodeNameInvalid,
			func() *form { return without("name", "\u200b\u2060\ufeff\u3164", 5) }, `"fields":["name"]`, "no visible characters"),
		refusal("a name of direction marks", 422, persona.CodeNameInvalid,
			func() *form { return without("name", "\u202e\u2066\u200f", 5) }, `"fields":["name"]`, "no visible characters"),
		refusal("no consent", 422, persona.CodeConsentMissing, func() *form { return without("consent", "", 5) }, "agreed_to_terms", "data_retention"),
		refusal("a consent item false", 422, persona.CodeConsentMissing,
			func() *form {
				return without("consent", strings.Replace(fullConsent, `"likeness_usage":true`, `"likeness_usage":false`, 1), 5)
			},
			`"fields":["consent_items.likeness_usage"]`),
		refusal("a consent that is not JSON", 422, persona.CodeConsentInvalid, func() *form { return without("consent", "{yes", 5) }, "not valid JSON"),
		refusal("a misspelt consent item", 422, persona.CodeConsentInvalid,
			func() *form { return without("consent", `{"agreed":true}`, 5) }, "consent.agreed"),
		refusal("a time limit that is negative", 422, persona.CodeConsentInvalid,
			func() *form {
				return without("consent", strings.TrimSuffix(fullConsent, "}")+`,"restrictions":{"time_limit_days":-1}}`, 5)
			}, "time_limit_days"),
		refusal("4 photos", 422, persona.CodeTooFewPhotos, func() *form { return goodForm(4) }, "At least 5 photos are needed; there are 4."),
		refusal("41 photos", 422, persona.CodeTooManyPhotos, func() *form { return goodForm(41) }, "At most 40 photos may be sent; there are 41."),
		refusal("a text file named .jpg", 422, persona.CodePhotosUnusable, with(bytes.Repeat([]byte("text "), 100)),
			`"photos":[{"index":5,`, "not_jpeg_or_png"),
		refusal("a truncated JPEG", 422, persona.CodePhotosUnusable, with(jpegOf(9)[:1000]), `"index":5`, `"damaged"`),
		refusal("a PNG header of 60000 x 60000", 422, persona.CodePhotosUnusable, with(hugePNG()), `"index":5`, "too_many_pixels"),
		refusal("an empty file", 422, persona.CodePhotosUnusable, with(nil), `"index":5`, "empty_file"),
		refusal("a file that is too large", 422, persona.CodePhotosUnusable, with(jpegSized(3, 900, 900)), `"index":5`, "file_too_large"),
		refusal("too few pixels", 422, persona.CodePhotosUnusable, with(jpegSized(3, 31, 400)), `"index":5`, "resolution_too_low", "31 x 400"),
		refusal("all problems of all photos at once", 422, persona.CodePhotosUnusable, func() *form {
			return goodForm(5).photo(nil).photo([]byte(strings.Repeat("x", 500))).photo(jpegOf(9)[:900])
		}, `"index":5`, `"index":6`, `"index":7`, "3 of the 8 photos"),
		refusal("everything wrong at once", 422, persona.CodeNameInvalid, func() *form { return newForm().photo(nil) },
			`"problems":[`, "consent_missing", "too_few_photos", "photos_unusable", `"index":0`),
		refusal("an unknown tier", 422, persona.CodeTierInvalid, func() *form { return goodForm(5).field("tier", "gold") }, `"fields":["tier"]`),
		refusal("a tier beyond the photos", 422, persona.CodeTierInvalid, func() *form { return goodForm(5).field("tier", "premium") }, "at least 15"),
		refusal("a primary photo that is not there", 422, persona.CodePrimaryInvalid, func() *form { return goodForm(5).field("primary", "5") }, "0 to 4"),
		refusal("a primary photo that is no number", 422, persona.CodePrimaryInvalid, func() *form { return goodForm(5).field("primary", "best") }),
		refusal("a config out of range", 422, persona.CodeConfigInvalid,
			func() *form { return goodForm(5).field("config", `{"training_steps":0,"rank":999}`) },
			`"fields":["training_steps","rank"]`, "training_steps must lie between 1 and 10000; rank must lie between 1 and 128."),
		refusal("a config of the wrong type", 422, persona.CodeConfigInvalid,
			func() *form { return goodForm(5).field("config", `{"rank":"many"}`) }, "config.rank must be a whole number."),
		refusal("an unknown field", 400, persona.CodeMalformed, func() *form { return goodForm(5).field("fotos", "x") }, `"fields":["fotos"]`),
		refusal("a field that comes twice", 400, persona.CodeMalformed, func() *form { return goodForm(5).field("name", "Eve") }, "more than once"),
		refusal("a field that is too long", 400, persona.CodeMalformed,
			func() *form { return goodForm(5).field("tier", strings.Repeat("x", 70_000)) }, "too long"),
		{
			name: "a multipart body that ends early", user: ada, method: http.MethodPost, path: trainPath,
			media: "multipart/form-data; boundary=xyz", body: "--xyz\r\nContent-Disposition: form-data; name=\"photos\"\r\n\r\nabc",
			status: 400, want: []string{`"code":"malformed_request"`, "ended early"},
		},
		{
			name: "a multipart body without a boundary", user: ada, method: http.MethodPost, path: trainPath,
			media: "multipart/form-data", body: "x", status: 400, want: []string{`"code":"malformed_request"`},
		},
		{
			name: "another media type", user: ada, method: http.MethodPost, path: trainPath, media: "text/plain", body: "x",
			status: 415, want: []string{`"code":"unsupported_media_type"`},
		},
		{
			name: "no body at all", user: ada, method: http.MethodPost, path: trainPath,
			status: 415, want: []string{`"code":"unsupported_media_type"`},
		},
		{
			name: "an Idempotency-Key with spaces", user: ada, method: http.MethodPost, path: trainPath,
			headers: map[string]string{"Idempotency-Key": "a b"}, form: func() *form { return goodForm(5) },
			status: 400, want: []string{`"fields":["Idempotency-Key"]`},
		},
		{
			name: "no token", method: http.MethodPost, path: trainPath, form: func() *form { return goodForm(5) },
			status: 401, want: []string{`"code":"unauthorized"`}, answers: map[string]string{"WWW-Authenticate": `Bearer realm="persona"`},
		},
	})
}

// Files in parts of another name are reported once, however many there are, and not as missing photos.
func TestTrainWithPartsOfAnotherName(t *testing.T) {
	t.Parallel()
	var scenarios []scenario
	for _, name := range []string{"photo", "files", "images", "image", "photos[0]", "photos[][]", "Photos", "file\u202egnp", ""} {
		for _, n := range []int{1, 5, 41} {
			scenarios = append(scenarios, scenario{
				name: fmt.Sprintf("%d of %q", n, name), user: ada, method: http.MethodPost, path: trainPath, status: http.StatusBadRequest,
				form: func() *form {
					f := newForm().field("name", "Ada").field("consent", fullConsent)
					for i := range n {
						f.file(name, jpegOf(uint64(i)))
					}
					return f
				},
				want:    []string{`"code":"malformed_request"`, "Each part with a photo must be named photos."},
				wantNot: []string{`"problems"`, "too_few_photos", "too long", "too many", "\u202e"},
			})
		}
	}
	scenarios = append(scenarios, scenario{
		name: "beside photos of the right name", user: ada, method: http.MethodPost, path: trainPath, status: http.StatusBadRequest,
		form: func() *form { return goodForm(3).file("photo", jpegOf(8)).file("photo", jpegOf(9)) },
		want: []string{"2 parts with files have other names, the first one photo."}, wantNot: []string{`"problems"`},
	}, scenario{
		name: "large files", user: ada, method: http.MethodPost, path: trainPath, status: http.StatusBadRequest,
		form: func() *form { return goodForm(0).file("image", make([]byte, 1<<20)).file("image", make([]byte, 1<<20)) },
		want: []string{"2 parts with files"}, wantNot: []string{`"problems"`, "too long"},
	}, scenario{
		name: "fields as files", user: ada, method: http.MethodPost, path: trainPath, status: http.StatusAccepted, changes: true,
		form: func() *form {
			f := newForm().field("name", "Ada").file("consent", []byte(fullConsent))
			for i := range 5 {
				f.file("photos[]", jpegOf(uint64(i)))
			}
			return f
		},
	})
	inOrder(t, newWorld(t), scenarios)
}

func TestTrainTakes(t *testing.T) {
	t.Parallel()
	accepted := func(name string, form func() *form, want ...string) scenario {
		return scenario{
			name: name, user: ada, method: http.MethodPost, path: trainPath, form: form, changes: true,
			status: 202, want: append(want, `"status":"pending"`, `"version":1`, `"status_url":"/api/personas/`),
		}
	}
	inOrder(t, newWorld(t), []scenario{
		accepted("five photos", func() *form { return goodForm(5) }, `"trigger_word":"ada`, `"estimate":{"tier":"basic","minutes":15,"cost_usd":5}`),
		accepted("forty photos", func() *form { return goodForm(40) }, `"estimate":{"tier":"premium","minutes":35,"cost_usd":15}`),
		accepted("a lower tier than the photos reach", func() *form { return goodForm(15).field("tier", "standard") }, `"tier":"standard"`),
		accepted("parts in any order", func() *form {
			f := newForm()
			for i := range 3 {
				f.photo(jpegOf(uint64(i)))
			}
			f.field("primary", "4").field("consent", fullConsent)
			return f.photo(jpegOf(3)).photo(jpegOf(4)).field("name", "Ada")
		}),
		accepted("a broken EXIF block", func() *form { return goodForm(5).photo(brokenEXIF(50)) }),
		accepted("a name in another script", func() *form { return without("name", "Ἄδα ラブレス", 5) }, `"trigger_word":"persona`),
		accepted("a name with emoji", func() *form { return without("name", "Ada 👩\u200d🔬", 5) }, `"trigger_word":"ada`),
		accepted("two personas of one name", func() *form { return goodForm(5) }, `"trigger_word":"ada`),
		accepted("a whole PersonaConsent", func() *form {
			return without("consent", strings.TrimSuffix(fullConsent, "}")+
				`,"user_id":"u","signed_at":"2020-01-01T00:00:00Z","ip_address":"6.6.6.6","user_agent":"forged","restrictions":{"time_limit_days":30}}`, 5)
		}),
		accepted("part of a config", func() *form { return goodForm(5).field("config", `{"training_steps":500}`) }),
	})
}

func TestTrainKeepsWhatCame(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	media, body := goodForm(6).field("primary", "2").field("config", `{"training_steps":700}`).finish()
	rec := w.serve(ada, http.MethodPost, trainPath, media, body)
	require.Equal(t, http.StatusAccepted, rec.Code, rec.Body.String())
	var answer struct{ ID, TriggerWord string }
	require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &answer))
	require.Equal(t, "/api/personas/"+answer.ID+"/status", rec.Header().Get("Location"))
	require.EqualValues(t, 1, w.nudged.Load(), "the relay was told")

	user := userID(ada)
	photos, err := w.store.Photos(t.Context(), user, answer.ID)
	require.NoError(t, err)
	require.Len(t, photos, 6)
	for i, p := range photos {
		require.Equal(t, i, p.Index)
		require.Equal(t, "jpeg", p.Format)
		require.Equal(t, []int{64, 48}, []int{p.Width, p.Height})
		require.EqualValues(t, len(jpegOf(uint64(i))), p.Bytes)
		require.Equal(t, i == 2, p.Primary)
	}
	found, err := w.store.Persona(t.Context(), user, answer.ID)
	require.NoError(t, err)
	require.Equal(t, 700, found.Latest.Config.TrainingSteps)
	require.Equal(t, 16, found.Latest.Config.Rank, "what a config leaves out keeps its default")

	consent, signed, err := w.store.Consent(t.Context(), user, answer.ID)
	require.NoError(t, err)
	require.NoError(t, consent.Check())
	require.Equal(t, "192.0.2.1", signed.IPAddress, "the address of the connection")
}

func TestTrainTriggerWordsAreUnique(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	words := map[string]bool{}
	for range 3 {
		media, body := goodForm(5).finish()
		rec := w.serve(ada, http.MethodPost, trainPath, media, body)
		var answer struct {
			TriggerWord string `json:"trigger_word"`
		}
		require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &answer))
		words[answer.TriggerWord] = true
	}
	require.Len(t, words, 3)
}

func TestTrainIdempotencyKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	send := func(user string, f *form) (int, string, http.Header) {
		media, body := f.finish()
		rec := w.do(requestWithKey(t, user, media, body))
		return rec.Code, rec.Body.String(), rec.Header()
	}
	status, first, header := send(ada, goodForm(5))
	require.Equal(t, http.StatusAccepted, status, first)
	require.Empty(t, header.Get("Idempotency-Replayed"))
	before := w.inventory()

	// The same content with its parts in another order is the same request.
	again := newForm()
	for i := range 5 {
		again.photo(jpegOf(uint64(i)))
	}
	status, second, header := send(ada, again.field("consent", fullConsent).field("tier", "basic").field("name", " Ada "))
	require.Equal(t, http.StatusAccepted, status, second)
	require.Equal(t, "true", header.Get("Idempotency-Replayed"))
	require.JSONEq(t, first, second)

	for name, other := range map[string]*form{
		"another photo":   goodForm(5).photo(jpegOf(60)),
		"another name":    without("name", "Eve", 5),
		"another consent": without("consent", strings.TrimSuffix(fullConsent, "}")+`,"restrictions":{"no_third_party":true}}`, 5),
		"another primary": goodForm(5).field("primary", "1"),
	} {
		status, answer, _ := send(ada, other)
		require.Equal(t, http.StatusUnprocessableEntity, status, name)
		require.Contains(t, answer, `"code":"idempotency_key_reused"`, name)
	}
	require.Equal(t, before, w.inventory(), "replays and refusals leave nothing behind")

	status, _, header = send(grace, goodForm(5))
	require.Equal(t, http.StatusAccepted, status, "keys belong to their user")
	require.Empty(t, header.Get("Idempotency-Replayed"))
}
