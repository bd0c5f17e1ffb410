package api_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/api"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
	"github.com/inflio/persona/internal/sitter"
)

const scorePath = "/api/photos/score"

// portraits are small photos of one drawn person, drawn once.
var portraits = sync.OnceValue(func() [][]byte {
	var files [][]byte
	for _, p := range sitter.New(4).Set(3, 420) {
		files = append(files, sitter.EncodePhoto(p))
	}
	return files
})

func portraitPolicy() persona.PhotoPolicy {
	p := persona.DefaultPhotoPolicy()
	p.MinBytes, p.MinSide, p.MaxBytes = 0, 200, 1<<20
	return p
}

func forPortraits(o *api.Options) { o.Judge = photo.NewJudge(portraitPolicy(), nil) }

// scoreLine is a line of the answer as a client reads it.
type scoreLine struct {
	Photo  *persona.PhotoReport  `json:"photo"`
	Error  *api.Problem          `json:"error"`
	Photos []persona.PhotoReport `json:"photos"`
	Set    *persona.SetReport    `json:"set"`
}

func TestScore(t *testing.T) {
	t.Parallel()
	post := func(f func() *form) scenario {
		return scenario{user: ada, method: http.MethodPost, path: scorePath, form: f, status: http.StatusOK}
	}
	refused := func(name string, f func() *form, status int, want ...string) scenario {
		s := post(f)
		s.name, s.status, s.want = name, status, want
		return s
	}
	nobody := post(func() *form { return newForm().photo(portraits()[0]) })
	nobody.name, nobody.user, nobody.status = "without a token", "", http.StatusUnauthorized
	lines := post(func() *form {
		return newForm().photo(portraits()[0]).photo([]byte("no picture at all")).photo(portraits()[0])
	})
	lines.name = "lines"
	lines.want = []string{
		`{"photo":{"index":0,"accepted":true,`, `"code":"not_jpeg_or_png"`, `"verdict":"refuse"`, `{"photos":[{"index":0,`,
		"This is the same picture as photo",
	}
	lines.wantNot = []string{"photo_id", "descriptor", "landmarks"}
	lines.answers = map[string]string{"Content-Type": "application/x-ndjson", "Cache-Control": "no-store"}
	document := lines
	document.name, document.headers = "one document", map[string]string{"Accept": "application/json"}
	document.want = []string{`{"photos":[{"index":0,`, "This is the same picture as photo", `"set":{"photos":3,`}
	document.wantNot = []string{`{"photo":`}
	document.answers = map[string]string{"Content-Type": "application/json"}
	text := scenario{
		name: "not multipart", user: ada, method: http.MethodPost, path: scorePath, body: "{}", media: "application/json",
		status: http.StatusUnsupportedMediaType, want: []string{`"unsupported_media_type"`},
	}
	run(t, []scenario{
		nobody, lines, document, text,
		refused("no photos", newForm, http.StatusUnprocessableEntity, `"too_few_photos"`),
		refused("another field", func() *form { return newForm().field("name", "x").photo(portraits()[0]) },
			http.StatusBadRequest, `"malformed_request"`, "name is not known", `"fields":["name"]`),
		refused("a photo that is too large", func() *form { return newForm().photo(make([]byte, 1<<20+1)) },
			http.StatusOK, `"file_too_large"`, `"verdict":"refuse"`),
		refused("too many photos", func() *form {
			f := newForm()
			for range 41 {
				f.photo(nil)
			}
			return f
		}, http.StatusOK, `"empty_file"`, `{"error":{`, `"too_many_photos"`),
	}, forPortraits)
}

// The first photo's line comes while the second photo has not even been sent.
func TestScoreAnswersWhilePhotosAreSent(t *testing.T) {
	t.Parallel()
	server := realServer(t, portraitPolicy(), 200, 200)
	body, into := io.Pipe()
	parts := multipart.NewWriter(into)
	send := func(file []byte) {
		part, err := parts.CreateFormFile("photos", "photo.jpg")
		if err == nil {
			_, err = part.Write(file)
		}
		if err != nil {
			_ = into.CloseWithError(err)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+scorePath, body)
	require.NoError(t, err)
	r.Header.Set("Content-Type", parts.FormDataContentType())
	r.Header.Set("Authorization", "Bearer "+token(t, ada))
	go func() {
		send(portraits()[0])
		send(nil) // the first part ends where the next one begins
	}()
	resp, err := server.Client().Do(r)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	answer := bufio.NewScanner(resp.Body)
	read := func() (line scoreLine) {
		require.True(t, answer.Scan(), answer.Err())
		require.NoError(t, json.Unmarshal(answer.Bytes(), &line))
		return line
	}
	first := read()
	require.NotNil(t, first.Photo)
	require.Equal(t, 0, first.Photo.Index)
	require.Greater(t, first.Photo.Score.Overall, 70.0)

	go func() {
		send(portraits()[1])
		_ = parts.Close()
		_ = into.Close()
	}()
	seen := map[int]bool{read().Photo.Index: true, read().Photo.Index: true}
	require.Equal(t, map[int]bool{1: true, 2: true}, seen)
	last := read()
	require.Len(t, last.Photos, 3)
	require.Equal(t, persona.VerdictRefuse, last.Photos[1].Verdict)
	require.Equal(t, 2, last.Set.Used)
	require.False(t, answer.Scan())
}

// A user who sends many requests at once hears to come again, and the others are served.
func TestScoreServesFewRequestsOfAUserAtATime(t *testing.T) {
	t.Parallel()
	server := realServer(t, portraitPolicy(), 200, 200)
	score := func(user string, body io.Reader, media string) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+scorePath, body)
		require.NoError(t, err)
		r.Header.Set("Content-Type", media)
		r.Header.Set("Authorization", "Bearer "+token(t, user))
		resp, err := server.Client().Do(r)
		require.NoError(t, err)
		t.Cleanup(func() { _ = resp.Body.Close() })
		return resp
	}
	whole := func(user string) *http.Response {
		media, body := newForm().photo(portraits()[0]).finish()
		return score(user, body, media)
	}
	var endings []func()
	for range 2 { // each has its first line, and more to send
		body, into := io.Pipe()
		f := newForm().photo(portraits()[0]).photo(nil)
		go func() { _, _ = into.Write(f.buf.Bytes()) }()
		resp := score(ada, body, f.w.FormDataContentType())
		require.Equal(t, http.StatusOK, resp.StatusCode)
		endings = append(endings, func() {
			_ = into.CloseWithError(io.ErrUnexpectedEOF)
			_, _ = io.Copy(io.Discard, resp.Body)
		})
	}
	busy := whole(ada)
	require.Equal(t, http.StatusTooManyRequests, busy.StatusCode)
	require.NotEmpty(t, busy.Header.Get("Retry-After"))
	require.Equal(t, http.StatusOK, whole(grace).StatusCode)
	for _, end := range endings {
		end()
	}
	require.Eventually(t, func() bool { return whole(ada).StatusCode == http.StatusOK }, 10*time.Second, 20*time.Millisecond)
}

func TestScoreTellsInALineWhatBrokeOff(t *testing.T) {
	t.Parallel()
	server := realServer(t, portraitPolicy(), 200, 200)
	f := newForm().photo(portraits()[0]).photo(portraits()[1])
	media, _ := f.finish()
	cut := f.buf.Bytes()[:f.buf.Len()-1000]
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+scorePath, bytes.NewReader(cut))
	require.NoError(t, err)
	r.Header.Set("Content-Type", media)
	r.Header.Set("Authorization", "Bearer "+token(t, ada))
	resp, err := server.Client().Do(r)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	var last scoreLine
	answer := bufio.NewScanner(resp.Body)
	for answer.Scan() {
		last = scoreLine{}
		require.NoError(t, json.Unmarshal(answer.Bytes(), &last))
	}
	require.NotNil(t, last.Error)
	require.Equal(t, persona.CodeMalformed, last.Error.Code)
	require.Nil(t, last.Photos, "no document after a fault")
}
