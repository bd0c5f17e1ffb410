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

	"github.com/inflio/persona/internal/api/upload"
	"github.com/inflio/persona/internal/persona"
)

const (
	scorePath = "/api/photos/score"
	linesType = "application/x-ndjson"
)

type scoreOutput struct {
	Body func(huma.Context)
}

// scoreLine is one line of a streamed answer: a photo that was just judged, or the error that ended the answer.
type scoreLine struct {
	Photo *persona.PhotoReport `json:"photo,omitempty"`
	Error *Problem             `json:"error,omitempty"`
}

// scoreDocument is the whole answer, and the last line of a streamed one. The photos are in the order of the request.
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
		Security: needsToken, Summary: "Judge photos before a training",
		Description: "Gives the scores and verdicts that a training would give, and a report on the photos as a set. Nothing is stored, " +
			"and no consent is needed. The answer is one line of JSON for each photo as soon as it has been judged, and the whole " +
			"document as the last line. With Accept: application/json only the document is sent.",
		Responses: map[string]*huma.Response{"200": {
			Description: "The verdicts",
			Content: map[string]*huma.MediaType{
				linesType:          {Schema: &huma.Schema{AnyOf: []*huma.Schema{line, document}}},
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
	user := userOf(ctx)
	if !s.scorings.take(user) {
		closeConnection(ctx)
		return nil, newProblem(persona.CodeTooManyRequests, "Other photos of yours are being scored. Send these again when they are done.")
	}
	answer, err := s.scoreAnswer(ctx)
	if err != nil {
		s.scorings.release(user)
		return nil, err
	}
	return &scoreOutput{Body: func(hc huma.Context) {
		defer s.scorings.release(user)
		answer(hc)
	}}, nil
}

// scoreAnswer returns the function that writes the answer. Lines are written while photos are judged, the document alone
// when all have been.
func (s *server) scoreAnswer(ctx context.Context) (func(huma.Context), error) {
	r := callOf(ctx).request
	photos, err := upload.NewPhotos(r, s.Judge.Policy)
	if err != nil {
		return nil, err
	}
	sc := &scoring{server: s, photos: photos, at: time.Now()}
	first, err := photos.Next(ctx)
	if err != nil {
		return nil, err
	}
	if !wantsDocument(r.Header.Get("Accept")) {
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

// wantsDocument reports whether a client accepts one JSON document and not lines.
func wantsDocument(accept string) bool {
	accepts := func(media string) bool {
		return slices.ContainsFunc(strings.Split(accept, ","), func(one string) bool {
			got, _, err := mime.ParseMediaType(one)
			return err == nil && got == media
		})
	}
	return accepts("application/json") && !accepts(linesType)
}

// stream writes a line as soon as a photo has been judged. The status has been sent by then, so an error is sent as a line.
func (sc *scoring) stream(ctx context.Context, hc huma.Context, first *upload.File) {
	w := humaecho.Unwrap(hc).Response()
	control := http.NewResponseController(w)
	// Otherwise the server reads the whole request before the first line. A recorder of a test does not support it.
	_ = control.EnableFullDuplex()
	w.Header().Set("Content-Type", linesType)
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
