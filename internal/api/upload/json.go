package upload

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"

	"github.com/google/uuid"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage"
)

// trainJSON is the body of a request with addresses instead of files.
type trainJSON struct {
	Name      string          `json:"name"`
	PhotoURLs []string        `json:"photo_urls"`
	Consent   json.RawMessage `json:"consent"`
	Tier      persona.Tier    `json:"tier"`
	Primary   *int            `json:"primary"`
	Config    json.RawMessage `json:"config"`
}

// signedConsent accepts a whole PersonaConsent, as a client may keep it. The user, time, address and user agent of the
// signature are taken from the request, so these members are ignored.
type signedConsent struct {
	persona.Consent
	UserID    json.RawMessage `json:"user_id"`
	SignedAt  json.RawMessage `json:"signed_at"`
	IPAddress json.RawMessage `json:"ip_address"`
	UserAgent json.RawMessage `json:"user_agent"`
}

// readJSON reads a request with addresses. It fetches nothing: the training does that.
func (t *Request) readJSON(r *http.Request) error {
	raw, err := io.ReadAll(io.LimitReader(r.Body, MaxJSONBytes+1))
	if err != nil {
		return Unreadable(err)
	}
	if len(raw) > MaxJSONBytes {
		return &http.MaxBytesError{Limit: MaxJSONBytes}
	}
	var body trainJSON
	if err := strictJSON(raw, &body, ""); err != nil {
		return err
	}
	t.name, t.tier, t.primary = body.Name, persona.Tier(strings.TrimSpace(string(body.Tier))), body.Primary
	if len(body.Consent) > 0 {
		t.takeConsent(body.Consent)
	}
	if len(body.Config) > 0 {
		t.takeConfig(body.Config)
	}
	t.count = len(body.PhotoURLs)
	if t.count <= t.Policy.MaxPhotos {
		t.takeURLs(body.PhotoURLs)
	}
	return nil
}

func (t *Request) takeURLs(urls []string) {
	var bad []string
	for i, address := range urls {
		address = strings.TrimSpace(address)
		if !goodPhotoURL(address) {
			bad = append(bad, fmt.Sprintf("photo_urls[%d]", i))
			continue
		}
		t.photos = append(t.photos, storage.NewPhoto{ID: uuid.NewString(), Index: i, URL: address})
	}
	if len(bad) > 0 {
		t.problems = append(t.problems, &persona.Error{
			Kind: persona.Invalid, Code: persona.CodeURLInvalid, Fields: bad,
			Message: "Each photo needs an https address of at most 2000 characters, without a user name in it.",
		})
	}
}

const maxPhotoURL = 2000

func goodPhotoURL(address string) bool {
	if len(address) > maxPhotoURL {
		return false
	}
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "https" && u.Hostname() != "" && u.User == nil
}

func (t *Request) takeConsent(raw []byte) {
	var c signedConsent
	if err := strictJSON(raw, &c, "consent"); err != nil {
		err.Code = persona.CodeConsentInvalid
		t.problems = append(t.problems, err)
		return
	}
	t.consent = c.Consent
}

// takeConfig reads the configuration over the defaults: members that are left out keep them.
func (t *Request) takeConfig(raw []byte) {
	config := persona.DefaultTrainingConfig()
	if err := strictJSON(raw, &config, "config"); err != nil {
		err.Code = persona.CodeConfigInvalid
		t.problems = append(t.problems, err)
		return
	}
	t.config = config
}

// strictJSON decodes exactly one value. It refuses unknown members, so that a misspelt one is noticed. field is the name
// of the part, "" for a whole body. The error repeats names of members, never values.
func strictJSON(raw []byte, into any, field string) *persona.Error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil {
		if _, err = d.Token(); errors.Is(err, io.EOF) {
			return nil
		}
		err = errors.New("more than one value")
	}
	what, at := "The body", field
	if field != "" {
		what = "The field " + field
	}
	var wrongType *json.UnmarshalTypeError
	unknown, isUnknown := strings.CutPrefix(err.Error(), "json: unknown field ")
	switch {
	case errors.As(err, &wrongType):
		member, wanted := memberOf(reflect.TypeOf(into).Elem(), wrongType.Field)
		at = join(field, member)
		if at == "" {
			return Malformed("The body must be " + wanted + ".")
		}
		return Malformed(at+" must be "+wanted+".", at)
	case isUnknown:
		at = join(field, quoted(strings.Trim(unknown, `"`)))
		return Malformed(at+" is not a known member.", at)
	}
	if at == "" {
		return Malformed(what + " is not valid JSON.")
	}
	return Malformed(what+" is not valid JSON.", at)
}

// memberOf converts the decoder's path in t to the path in the request, which has no names of embedded Go types, and
// says what the member must be.
func memberOf(t reflect.Type, path string) (member, wanted string) {
	for name := range strings.SplitSeq(path, ".") {
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if name == "" || t.Kind() != reflect.Struct {
			break
		}
		next, ours := fieldOf(t, name)
		if next == nil {
			break
		}
		t = next
		if ours {
			member = join(member, name)
		}
	}
	return member, typeWords(t)
}

// fieldOf returns the type of the field that the decoder calls name. ours is false for an embedded struct, which is no
// member of the request.
func fieldOf(t reflect.Type, name string) (found reflect.Type, ours bool) {
	for f := range t.Fields() {
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case tag == name:
			return f.Type, true
		case f.Anonymous && tag == "" && f.Name == name:
			return f.Type, false
		}
	}
	return nil, false
}

// typeWords names the kind of JSON that t is decoded from.
func typeWords(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return typeWords(t.Elem())
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "text"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.Slice:
		return "a list of texts"
	default:
		return "a JSON object"
	}
}

func join(parent, member string) string {
	if parent == "" || member == "" {
		return parent + member
	}
	return parent + "." + member
}
