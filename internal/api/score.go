package api

import (
	"context"
	"encoding/json"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"

	"github.com/inflio/persona/internal/persona"
)

const (
	scorePath = "/api/photos/score"
	lines     = "application/x-ndjson"
)

type scoreOutput struct {
	Body func(huma.Context)
}

// scoreLine is one line of the answer while it comes: a photo that was just judged, or why there will be no more.
type scoreLine struct {
	Photo *persona.PhotoReport `json:"photo,omitempty"`
	Error *Problem             `json:"error,omitempty"`
}

// scoreDocument is the whole answer, and the last line of a streamed one. The photos come in the order in which they
// were sent, with what comparing them told.
type scoreDocument struct {
	Photos []persona.PhotoReport `json:"photos"`
	Set    persona.SetReport     `json:"set"`
}

func (s *server) scoreOperation(api huma.API) {
	schemas := api.OpenAPI().Components.Schemas
	line := schemas.Schema(reflect.TypeFor[scoreLine](), true, "ScoreLine")
	document := schemas.Schema(reflect.TypeFor[scoreDocument](), true, "ScoreDocument")
	add(s, api, huma.Operation{
		OperationID: "score-photos", Method: http.MethodPost, Path: scorePath, Tags: []string{tagPictures},
		Security: needsToken, Summary: "Judge photos before anything is trained",
		Description: "Scores and verdicts as a training would give them, with what the photos tell as a set. Nothing is stored, " +
			"and no consent is needed to look. The answer comes line by line, a photo as soon as it is judged and the whole " +
			"document last; with Accept: application/json only the document comes.",
		Responses: map[string]*huma.Response{"200": {
			Description: "What was judged",
			Content: map[string]*huma.MediaType{
				lines:              {Schema: &huma.Schema{AnyOf: []*huma.Schema{line, document}}},
				"application/json": {Schema: document},
			},
		}},
		Errors: []int{400, 401, 408, 413, 415, 422, 503},
	}, s.score)
	least, most := 1, s.Judge.Policy.MaxPhotos
	api.OpenAPI().Paths[scorePath].Post.RequestBody = &huma.RequestBody{
		Required: true,
		Content: map[string]*huma.MediaType{"multipart/form-data": {
			Schema: &huma.Schema{
				Type: "object", Required: []string{"photos"},
				Properties: map[string]*huma.Schema{"photos": {
					Type: "array", MinItems: &least, MaxItems: &most, Items: &huma.Schema{Type: "string", Format: "binary"},
					Description: "JPEG or PNG files, one part each, all named photos.",
				}},
			},
			Encoding: map[string]*huma.Encoding{"photos": {ContentType: "image/jpeg, image/png"}},
		}},
	}
}

func (s *server) score(ctx context.Context, _ *struct{}) (*scoreOutput, error) {
	done, err := s.turns.take(userOf(ctx))
	if err != nil {
		return nil, err
	}
	answer, err := s.scoreAnswer(ctx)
	if err != nil {
		done()
		return nil, err
	}
	return &scoreOutput{Body: func(hc huma.Context) {
		defer done()
		answer(hc)
	}}, nil
}

// scoreAnswer returns what writes the answer. Lines are written while photos are judged, the document alone when all are.
func (s *server) scoreAnswer(ctx context.Context) (func(huma.Context), error) {
	r := callOf(ctx).request
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "multipart/form-data" {
		return nil, &persona.Error{
			Kind: persona.Invalid, Code: persona.CodeUnsupportedMedia, Fields: []string{"Content-Type"},
			Message: "Send the photos as multipart/form-data, one part each, all named photos.",
		}
	}
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, malformed("The multipart request has no usable boundary.", "Content-Type")
	}
	sc := &scoring{server: s, parts: parts, at: time.Now(), excess: excessBytes}
	first, err := sc.next(ctx)
	if err != nil {
		return nil, err
	}
	if first == nil {
		return nil, countError(persona.CodeTooFewPhotos, "At least one photo is needed; none came.")
	}
	if !plainJSON(r.Header.Get("Accept")) {
		return func(hc huma.Context) { sc.stream(ctx, hc, first) }, nil
	}
	if err := sc.run(ctx, first, func(persona.PhotoReport) error { return nil }); err != nil {
		return nil, err
	}
	return func(hc huma.Context) {
		hc.SetHeader("Content-Type", "application/json")
		hc.SetHeader("Cache-Control", "no-store")
		_ = json.NewEncoder(hc.BodyWriter()).Encode(sc.document())
	}, nil
}

// plainJSON reports whether a client asks for one JSON document and not for lines.
func plainJSON(accept string) bool {
	wants := func(media string) bool {
		return slices.ContainsFunc(strings.Split(accept, ","), func(one string) bool {
			got, _, err := mime.ParseMediaType(one)
			return err == nil && got == media
		})
	}
	return wants("application/json") && !wants(lines)
}

// stream writes a line as soon as a photo is judged. The status is sent by then, so a fault is told in a line.
func (sc *scoring) stream(ctx context.Context, hc huma.Context, first []byte) {
	w := humaecho.Unwrap(hc).Response()
	control := http.NewResponseController(w)
	// Without it the server would first take in the whole upload; a recorder in a test has no connection to change.
	_ = control.EnableFullDuplex()
	w.Header().Set("Content-Type", lines)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // proxies would hold the lines back
	w.WriteHeader(http.StatusOK)
	encoder := json.NewEncoder(w)
	write := func(line any) error {
		_ = control.SetWriteDeadline(time.Now().Add(answerTimeout))
		if err := encoder.Encode(line); err != nil {
			return err
		}
		return control.Flush()
	}
	err := sc.run(ctx, first, func(r persona.PhotoReport) error { return write(scoreLine{Photo: &r}) })
	if err != nil {
		_ = write(scoreLine{Error: sc.server.problem(ctx, err)})
		return
	}
	_ = write(sc.document())
}
