package storage_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage"
	"github.com/inflio/persona/storage/storagetest"
)

const endpoint = "fal-ai/flux-lora-fast-training"

// jpeg begins like a JPEG file.
var jpeg = append([]byte("\xff\xd8\xff\xe0\x00\x10JFIF\x00"), bytes.Repeat([]byte("face "), 4000)...)

func consent() persona.Consent {
	return persona.Consent{AgreedToTerms: true, Items: persona.ConsentItems{
		FacialRecognition: true, AITraining: true, LikenessUsage: true, DataRetention: true,
	}}
}

func newPersona(photos ...storage.NewPhoto) storage.NewPersona {
	return storage.NewPersona{
		Name: "Ada Lovelace", Tier: persona.TierBasic, Config: persona.DefaultTrainingConfig(), Consent: consent(),
		Signature: persona.Signature{SignedAt: time.Now(), IPAddress: "192.0.2.7", UserAgent: "test"},
		Photos:    photos,
	}
}

// upload begins an upload and writes two photos.
func upload(t *testing.T, s *storage.Store, user string) (*storage.Upload, []storage.NewPhoto) {
	t.Helper()
	u, err := s.BeginUpload(t.Context(), user)
	require.NoError(t, err)
	photos := make([]storage.NewPhoto, 2)
	for i := range photos {
		id := uuid.NewString()
		_, err := u.WritePhoto(t.Context(), id, bytes.NewReader(jpeg))
		require.NoError(t, err)
		photos[i] = storage.NewPhoto{ID: id, Index: i, Width: 1024, Height: 768, Format: "jpeg", Primary: i == 0}
	}
	return u, photos
}

// create makes a persona of two photos.
func create(t *testing.T, s *storage.Store, user string) storage.Persona {
	t.Helper()
	u, photos := upload(t, s, user)
	p, replayed, err := u.Commit(t.Context(), newPersona(photos...))
	require.NoError(t, err)
	require.False(t, replayed)
	return p
}

func createJob(t *testing.T, s *storage.Store, p storage.Persona) storage.Job {
	t.Helper()
	job, err := s.EnsureJob(t.Context(), p.UserID, p.ID, 1, endpoint, persona.DefaultTrainingConfig())
	require.NoError(t, err)
	return job
}

func activate(t *testing.T, s *storage.Store, p storage.Persona, version int) {
	t.Helper()
	require.NoError(t, s.Activate(t.Context(), p.UserID, p.ID, version, model(p)))
}

func model(p storage.Persona) storage.Model {
	return storage.Model{Ref: "personas/" + p.ID + "/model/1", SHA256: "ab", Bytes: 7, TrainingSeconds: 9}
}

// addVersion makes a further version, as a retraining does.
func addVersion(t *testing.T, owner *pgxpool.Pool, p storage.Persona, number int) {
	t.Helper()
	_, err := owner.Exec(t.Context(), `
INSERT INTO persona_versions (persona_id, user_id, number, tier, config) VALUES ($1, $2, $3, 'basic', '{}')`, p.ID, p.UserID, number)
	require.NoError(t, err)
}

// asApp runs fn in a transaction with settings, as the role of db.
func asApp(t *testing.T, db *pgxpool.Pool, settings map[string]string, fn func(tx pgx.Tx) error) error {
	t.Helper()
	return pgx.BeginFunc(t.Context(), db, func(tx pgx.Tx) error {
		for name, value := range settings {
			_, err := tx.Exec(t.Context(), `SELECT set_config($1, $2, true)`, name, value)
			require.NoError(t, err)
		}
		return fn(tx)
	})
}

// sqlState is the code of a PostgreSQL error, or "".
func sqlState(err error) string {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code
	}
	return ""
}

func read(t *testing.T, s *storage.Store, user, personaID, path string) ([]byte, error) {
	t.Helper()
	r, err := s.OpenBlob(t.Context(), user, personaID, path)
	if err != nil {
		return nil, err
	}
	defer func() { require.NoError(t, r.Close()) }()
	return io.ReadAll(r)
}

// files lists everything in the bucket's folder, folders too, except the folder itself.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var found []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if rel, _ := filepath.Rel(dir, path); rel != "." && rel != "personas" {
			found = append(found, rel)
		}
		return err
	}))
	return found
}

func count(t *testing.T, owner *pgxpool.Pool, query string, args ...any) (n int) {
	t.Helper()
	require.NoError(t, owner.QueryRow(t.Context(), query, args...).Scan(&n))
	return n
}

// waiting returns once a transaction of the app waits for a lock of the given kind: "advisory", or "transactionid" for a row.
func waiting(t *testing.T, b *storagetest.Bed, kind string) {
	t.Helper()
	const query = `
SELECT EXISTS (SELECT FROM pg_stat_activity
               WHERE datname = current_database() AND usename = 'persona_app' AND wait_event_type = 'Lock' AND wait_event = $1)`
	require.Eventually(t, func() bool {
		var found bool
		return b.Owner.QueryRow(t.Context(), query, kind).Scan(&found) == nil && found
	}, 10*time.Second, 5*time.Millisecond)
}

func requireErasing(t *testing.T, err error) {
	t.Helper()
	require.Equal(t, persona.CodeBeingErased, persona.CodeOf(err), "%v", err)
}
