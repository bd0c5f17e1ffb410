package api_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"log/slog"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/api"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
	"github.com/inflio/persona/storage"
	"github.com/inflio/persona/storage/storagetest"
)

func TestMain(m *testing.M) { storagetest.Main(m) }

const secret = "a secret for tests that is long enough"

// idKey makes the user ids of the tests.
var idKey = persona.IDKey(bytes.Repeat([]byte{7}, persona.IDKeyBytes))

func authOptions() api.AuthOptions { return api.AuthOptions{IDKey: idKey} }

// userID is the id of the user of a token.
func userID(subject string) string { return idKey.UserID("", subject) }

// Two people with accounts.
const (
	ada   = "ada@example.com"
	grace = "grace@example.com"
)

// smallPolicy takes pictures of a few kilobytes, so that tests are quick. The counts are the product's.
func smallPolicy() persona.PhotoPolicy {
	p := persona.DefaultPhotoPolicy()
	p.MinBytes, p.MaxBytes, p.MinSide = 200, 64<<10, 32
	return p
}

// world is one server with a database of its own.
type world struct {
	t       *testing.T
	bed     *storagetest.Bed
	store   *storage.Store
	handler http.Handler
	logs    *bytes.Buffer
	nudged  atomic.Int32
	metrics *prometheus.Registry

	// ids of what a scenario made beforehand, put into paths in place of {persona} and the like
	vars map[string]string
}

func newWorld(t *testing.T, change ...func(*api.Options)) *world {
	t.Helper()
	w := &world{t: t, bed: storagetest.NewBed(t), logs: &bytes.Buffer{}, vars: map[string]string{}, metrics: prometheus.NewRegistry()}
	w.store = w.bed.Store
	auth, err := api.NewSecretAuth(secret, authOptions())
	require.NoError(t, err)
	o := api.Options{
		Store: w.store, Judge: photo.NewJudge(smallPolicy(), nil), Auth: auth, Nudge: func() { w.nudged.Add(1) },
		Log: slog.New(slog.NewTextHandler(w.logs, nil)), Registry: w.metrics,
	}
	for _, c := range change {
		c(&o)
	}
	w.handler, err = api.New(o)
	require.NoError(t, err)
	return w
}

// token is a good token of a subject.
func token(tb testing.TB, subject string) string {
	tb.Helper()
	signed, err := api.SignToken(secret, api.AuthOptions{}, subject, time.Hour)
	require.NoError(tb, err)
	return signed
}

// serve answers one request of a user; an empty user sends no token.
func (w *world) serve(user, method, path, contentType string, body io.Reader) *httptest.ResponseRecorder {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), method, path, body)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if user != "" {
		r.Header.Set("Authorization", "Bearer "+token(w.t, user))
	}
	return w.do(r)
}

func (w *world) do(r *http.Request) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	return rec
}

// form builds a multipart body.
type form struct {
	buf bytes.Buffer
	w   *multipart.Writer
}

func newForm() *form {
	f := &form{}
	f.w = multipart.NewWriter(&f.buf)
	return f
}

func (f *form) field(name, value string) *form {
	_ = f.w.WriteField(name, value) // a buffer takes everything
	return f
}

func (f *form) photo(data []byte) *form { return f.file("photos", data) }

// file adds a file in a part of any name.
func (f *form) file(name string, data []byte) *form {
	part, _ := f.w.CreateFormFile(name, "photo.jpg")
	_, _ = part.Write(data)
	return f
}

func (f *form) finish() (string, io.Reader) {
	_ = f.w.Close()
	return f.w.FormDataContentType(), &f.buf
}

const fullConsent = `{"agreed_to_terms":true,"consent_items":{"facial_recognition":true,"ai_training":true,"likeness_usage":true,"data_retention":true}}`

// goodForm is a request that is accepted: a name, a consent and n different photos.
func goodForm(n int) *form {
	f := newForm().field("name", "Ada").field("consent", fullConsent)
	for i := range n {
		f.photo(jpegOf(uint64(i)))
	}
	return f
}

// jpegOf draws a small picture; each seed gives another.
func jpegOf(seed uint64) []byte {
	return jpegSized(seed, 64, 48)
}

func jpegSized(seed uint64, width, height int) []byte {
	random := rand.New(rand.NewPCG(seed, 1))
	img := image.NewGray(image.Rect(0, 0, width, height))
	for i := range img.Pix {
		img.Pix[i] = uint8(random.Uint32())
	}
	img.SetGray(0, 0, color.Gray{Y: uint8(seed)})
	var buf bytes.Buffer
	_ = jpeg.Encode(&buf, img, &jpeg.Options{Quality: 90})
	return buf.Bytes()
}

// trained makes a persona of user through the API and remembers its id.
func (w *world) trained(user string) string {
	w.t.Helper()
	media, body := goodForm(5).finish()
	rec := w.serve(user, http.MethodPost, "/api/personas/train", media, body)
	require.Equal(w.t, http.StatusAccepted, rec.Code, rec.Body.String())
	personas, _, err := w.store.Personas(w.t.Context(), userID(user), 1, 0)
	require.NoError(w.t, err)
	w.vars["persona"] = personas[0].ID
	return personas[0].ID
}

// settled makes a persona of Ada that is ready, with samples, a model and reports.
func (w *world) settled() string {
	w.t.Helper()
	ctx, user, id := w.t.Context(), userID(ada), w.trained(ada)
	photos, err := w.store.Photos(ctx, user, id)
	require.NoError(w.t, err)
	w.vars["photo"] = photos[0].ID
	path := fmt.Sprintf("personas/%s/samples/1/p0s0", id)
	_, err = w.store.WriteBlob(ctx, user, id, path, bytes.NewReader(jpegOf(77)))
	require.NoError(w.t, err)
	checks := &persona.CheckScores{FaceConsistency: 0.85, QualityScore: 0.93 + 1e-12, TriggerEffectiveness: 1 + 1e-15}
	strength := 0.7
	require.NoError(w.t, w.store.SaveSamples(ctx, user, id, 1, []storage.Sample{{
		Key: "p0s0", Path: path, ContentType: "image/jpeg", Seed: 7, Strength: strength, WithTrigger: true, Score: 91, Closeness: 0.8,
	}}, []persona.StrengthScore{
		{Strength: 0.3, Consistency: 0.5, Closeness: 0.5, Quality: 0.9}, {Strength: 0.7, Consistency: 0.85, Closeness: 0.8, Quality: 0.93},
	}, checks, &strength))
	require.NoError(w.t, w.store.Activate(ctx, user, id, 1, storage.Model{
		Ref: "personas/" + id + "/model/1", SHA256: strings.Repeat("ab", 32), Bytes: 1234, TrainingSeconds: 90,
	}))
	return id
}

// newStore is a store on a database of its own.
func newStore(tb testing.TB) *storage.Store {
	tb.Helper()
	return storagetest.New(tb)
}
