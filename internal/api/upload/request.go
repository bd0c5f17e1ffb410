package upload

import (
	"context"
	"log/slog"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage"
)

// Options are what reading a request to train needs. Store and Policy are required.
type Options struct {
	Store  *storage.Store
	Policy persona.PhotoPolicy
	Log    *slog.Logger // of what could not be tidied up; nil discards it

	// Seen is called for each photo with its size in bytes and the code that refuses it, "" if its file is good.
	Seen func(bytes int64, refused persona.PhotoCode)
}

// Limits of a request, in bytes, and of its fields that are not photos.
const (
	// MaxJSONBytes is the largest body with addresses: 40 of the longest addresses take 80 KB.
	MaxJSONBytes = 512 << 10
	// ExcessBytes is how much of a request that will be refused is read and thrown away, so that the client is still
	// there to read the answer: six photos of the largest size.
	ExcessBytes = 64 << 20

	fieldBytes = 64 << 10 // a consent or a configuration is a thousandth of it
	maxFields  = 32       // so that a request of empty parts comes to an end
)

// MaxBytes is the size of the largest request that could still be answered in a useful way, in bytes: photos of the
// largest size, what may be thrown away, and the fields.
func MaxBytes(p persona.PhotoPolicy) int64 {
	return int64(p.MaxPhotos)*p.MaxBytes + ExcessBytes + 1<<20
}

// Request is one request to train. Read fills it, Check judges it, Commit makes the persona. Every Request ends with
// Discard, which does nothing after a successful Commit.
type Request struct {
	Options
	userID string
	upload *storage.Upload // nil until something has to be stored

	name    string
	tier    persona.Tier
	primary *int
	consent persona.Consent
	config  persona.TrainingConfig
	photos  []storage.NewPhoto

	count     int                    // photos in the request, with those that were not stored
	cut       bool                   // reading stopped before the end, so nothing can be called missing
	excess    int64                  // bytes that may still be read and thrown away
	misnamed  int                    // files in parts with another name than photos
	wrongName string                 // the name of the first one
	problems  []*persona.Error       // what is wrong with fields, in the order in which it was found
	unusable  []persona.PhotoProblem // what is wrong with files
}

// New returns an empty Request of a user.
func New(o Options, userID string) *Request {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Seen == nil {
		o.Seen = func(int64, persona.PhotoCode) {}
	}
	return &Request{Options: o, userID: userID, config: persona.DefaultTrainingConfig(), excess: ExcessBytes}
}

// Read reads the request, in either form, and stores its photos. It returns only errors that make the rest unreadable,
// and those of storage; everything else is reported by Check.
func (t *Request) Read(ctx context.Context, r *http.Request) error {
	switch mediaType(r) {
	case "multipart/form-data":
		return t.readMultipart(ctx, r)
	case "application/json":
		return t.readJSON(r)
	}
	return &persona.Error{
		Kind: persona.Invalid, Code: persona.CodeUnsupportedMedia,
		Message: "Send the photos as multipart/form-data, or their https addresses as application/json.",
		Fields:  []string{"Content-Type"},
	}
}

// mediaType returns the media type of a request without its parameters, "" if there is none or it cannot be read.
func mediaType(r *http.Request) string {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return media
}

// Cut reports whether Read stopped before the end of the request, so that the connection cannot be used again.
func (t *Request) Cut() bool { return t.cut }

// Commit makes everything permanent in one step and returns the persona, or the one that was made with the same
// idempotency key before. Call it after Check has accepted the request. The user may have at most maxTrainings running,
// with this one; 0 is no limit. Errors are those of storage.Upload.Commit.
func (t *Request) Commit(
	ctx context.Context, terms persona.TierTerms, signed persona.Signature, key string, maxTrainings int,
) (p storage.Persona, replayed bool, err error) {
	if err := t.begin(ctx); err != nil {
		return storage.Persona{}, false, err
	}
	return t.upload.Commit(ctx, storage.NewPersona{
		Name: t.name, Tier: terms.Tier, Config: t.config, Consent: t.consent, Signature: signed, Photos: t.photos,
		IdempotencyKey: key, Fingerprint: t.fingerprint(terms.Tier), MaxTrainings: maxTrainings,
	})
}

// begin opens the upload in storage, once.
func (t *Request) begin(ctx context.Context) error {
	if t.upload != nil {
		return nil
	}
	upload, err := t.Store.BeginUpload(ctx, t.userID)
	if err != nil {
		return err
	}
	t.upload = upload
	return nil
}

// discardTimeout bounds Discard. What it could not remove, storage removes later.
const discardTimeout = 30 * time.Second

// Discard removes what was stored unless it became a persona. It works after ctx has ended.
func (t *Request) Discard(ctx context.Context) {
	if t.upload == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), discardTimeout)
	defer cancel()
	if err := t.upload.Discard(ctx); err != nil {
		t.Log.WarnContext(ctx, "an upload could not be discarded; storage does it later",
			"persona_id", t.upload.PersonaID(), "error", err)
	}
}

// doomed reports whether the request will be refused, so that storing more of it is wasted work.
func (t *Request) doomed() bool {
	return len(t.problems) > 0 || len(t.unusable) > 0 || t.misnamed > 0 || t.count > t.Policy.MaxPhotos
}

// complained reports whether a field could not even be read.
func (t *Request) complained(field string) bool {
	for _, e := range t.problems {
		for _, f := range e.Fields {
			if f == field || strings.HasPrefix(f, field+".") {
				return true
			}
		}
	}
	return false
}
