package api

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage"
)

type photoPath struct {
	ID    string `path:"id" doc:"Id of the persona."`
	Photo string `path:"photo" doc:"Id of the photo."`
}

type samplePath struct {
	ID      string `path:"id" doc:"Id of the persona."`
	Version string `path:"n" doc:"Number of the version."`
	Key     string `path:"key" doc:"Key of the sample."`
}

type pictureOutput struct {
	Body func(huma.Context)
}

func (s *server) pictureOperations(api huma.API) {
	answers := func() map[string]*huma.Response {
		binary := &huma.Schema{Type: "string", Format: "binary"}
		return map[string]*huma.Response{"200": {
			Description: "The picture",
			Content:     map[string]*huma.MediaType{"image/jpeg": {Schema: binary}, "image/png": {Schema: binary}},
		}}
	}
	const privacy = "It is decrypted while it is sent and never cached. Every read is in the user's audit log."
	add(s, api, huma.Operation{
		OperationID: "get-photo", Method: http.MethodGet, Path: "/api/personas/{id}/photos/{photo}",
		Tags: []string{tagPictures}, Security: needsToken, Responses: answers(),
		Summary: "A photo as it was uploaded", Description: privacy, Errors: []int{401, 404},
	}, s.photo)
	add(s, api, huma.Operation{
		OperationID: "get-sample", Method: http.MethodGet, Path: "/api/personas/{id}/versions/{n}/samples/{key}",
		Tags: []string{tagPictures}, Security: needsToken, Responses: answers(),
		Summary: "A test picture of a version", Description: privacy, Errors: []int{401, 404},
	}, s.sample)
}

func (s *server) photo(ctx context.Context, in *photoPath) (*pictureOutput, error) {
	if !persona.IsID(in.ID) || !persona.IsID(in.Photo) {
		return nil, noSuchPicture()
	}
	photo, err := s.Store.Photo(ctx, userOf(ctx), in.ID, in.Photo)
	if errors.Is(err, storage.ErrNotFound) || err == nil && photo.StoragePath == "" {
		return nil, noSuchPicture()
	}
	if err != nil {
		return nil, err
	}
	return s.picture(ctx, in.ID, photo.StoragePath, "image/"+photo.Format, photo.Bytes)
}

func (s *server) sample(ctx context.Context, in *samplePath) (*pictureOutput, error) {
	n, err := strconv.Atoi(in.Version)
	if err != nil || n < 1 || n > 1<<20 || !persona.IsID(in.ID) {
		return nil, noSuchPicture()
	}
	version, err := s.Store.Version(ctx, userOf(ctx), in.ID, n)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, noSuchPicture()
	}
	if err != nil {
		return nil, err
	}
	for _, sample := range version.Samples {
		if sample.Key == in.Key {
			return s.picture(ctx, in.ID, sample.Path, sample.ContentType, -1)
		}
	}
	return nil, noSuchPicture()
}

// picture opens a blob and sends it while it is decrypted. The first bytes are decrypted before the status is sent, so that
// a damaged blob is answered with an error. size is in bytes, -1 if it is not known.
func (s *server) picture(ctx context.Context, personaID, path, contentType string, size int64) (*pictureOutput, error) {
	blob, err := s.Store.OpenBlob(ctx, userOf(ctx), personaID, path)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, noSuchPicture()
	}
	if err != nil {
		return nil, err
	}
	r := bufio.NewReader(blob)
	if _, err := r.Peek(1); err != nil {
		_ = blob.Close()
		return nil, err
	}
	return &pictureOutput{Body: func(hc huma.Context) {
		defer func() { _ = blob.Close() }()
		w := humaecho.Unwrap(hc).Response()
		h := w.Header()
		h.Set("Content-Type", contentType)
		h.Set("Content-Disposition", "inline")
		h.Set("Cache-Control", "private, no-store")
		if size >= 0 {
			h.Set("Content-Length", strconv.FormatInt(size, 10))
		}
		w.WriteHeader(http.StatusOK)
		if _, err := io.Copy(w, r); err != nil {
			s.Log.WarnContext(ctx, "a picture was not sent completely", "request_id", callOf(ctx).id, "error", err)
			// The status has been sent. Cutting the connection tells the client that the picture is not complete.
			panic(http.ErrAbortHandler)
		}
	}}, nil
}

func noSuchPicture() error {
	return &persona.Error{Kind: persona.NotFound, Code: persona.CodeNotFound, Message: "There is no such picture."}
}
