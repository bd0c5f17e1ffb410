package storage_test

import (
	"context"
	"io"
	"net"
	"net/url"
	"strconv"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage"
	"github.com/inflio/persona/storage/storagetest"
	"github.com/inflio/persona/storage/vault"
)

// holdCommits makes every COMMIT of a new persona wait until release is called, and then succeed or fail. A request to cancel such a
// COMMIT is ignored, as the server does when the request comes too late.
func holdCommits(t *testing.T, b *storagetest.Bed, succeed bool) (release func()) {
	t.Helper()
	for _, sql := range []string{
		`
CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    LOOP
        BEGIN
            PERFORM pg_advisory_xact_lock(4711);
            EXIT;
        EXCEPTION WHEN query_canceled THEN
        END;
    END LOOP;
    IF NOT ` + strconv.FormatBool(succeed) + ` THEN
        RAISE 'not this time';
    END IF;
    RETURN NULL;
END $$`,
		`CREATE CONSTRAINT TRIGGER hold AFTER INSERT ON personas DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION hold()`,
	} {
		_, err := b.Owner.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	return hold(t, b, `SELECT pg_advisory_lock(4711)`)
}

// line is a proxy to the database whose connections can be cut without the server noticing.
type line struct {
	net.Listener
	server  string
	mu      sync.Mutex
	clients []net.Conn
}

// newLine starts a line and opens a store that connects through it.
func newLine(t *testing.T, b *storagetest.Bed) (*line, *storage.Store) {
	t.Helper()
	address, err := url.Parse(b.AppURL)
	require.NoError(t, err)
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	l := &line{Listener: listener, server: address.Host}
	go l.serve(t.Context())
	address.Host = listener.Addr().String()
	s, err := storage.Open(t.Context(), address.String(), b.Bucket, b.Keeper)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return l, s
}

func (l *line) serve(ctx context.Context) {
	for {
		client, err := l.Accept()
		if err != nil {
			return
		}
		var dialer net.Dialer
		server, err := dialer.DialContext(ctx, "tcp", l.server)
		if err != nil {
			_ = client.Close()
			continue
		}
		l.mu.Lock()
		l.clients = append(l.clients, client)
		l.mu.Unlock()
		go func() { _, _ = io.Copy(server, client) }() // the server's end stays open
		go func() {
			_, _ = io.Copy(client, server)
			_ = client.Close()
			_ = server.Close()
		}()
	}
}

// cut closes all connections on the side of the client. New ones can be made.
func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, client := range l.clients {
		_ = client.Close()
	}
	l.clients = nil
}

// A Commit goes on when the context of its caller ends.
func TestACommitOutlivesItsCaller(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	u, photos := upload(t, b.Store, uuid.NewString())
	release := holdCommits(t, b, true)
	ctx, cancel := context.WithCancel(t.Context())
	var made storage.Persona
	var committing errgroup.Group
	committing.Go(func() (err error) {
		made, _, err = u.Commit(ctx, newPersona(photos...))
		return err
	})
	waiting(t, b, "advisory")
	cancel()
	release()
	require.NoError(t, committing.Wait())
	require.Equal(t, u.PersonaID(), made.ID)

	late, photos := upload(t, b.Store, uuid.NewString())
	_, _, err := late.Commit(ctx, newPersona(photos...))
	require.ErrorIs(t, err, context.Canceled, "it is not even begun for a client that has gone")
	require.NoError(t, late.Discard(t.Context()))
	require.Equal(t, 1, count(t, b.Owner, `SELECT count(*) FROM personas`))
	require.Zero(t, count(t, b.Owner, `SELECT count(*) FROM outbox WHERE kind = 'discard-upload'`))
}

// The connection is lost while the server commits, so the outcome is not known when Discard is called.
func TestDiscardNeverRemovesAPersonaThatWasMade(t *testing.T) {
	t.Parallel()
	for name, succeeds := range map[string]bool{"the commit succeeds": true, "the commit fails": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := storagetest.NewBed(t)
			way, s := newLine(t, b)
			user := uuid.NewString()
			u, photos := upload(t, s, user)
			release := holdCommits(t, b, succeeds)
			var committing, discarding errgroup.Group
			committing.Go(func() error {
				_, _, err := u.Commit(t.Context(), newPersona(photos...))
				return err
			})
			waiting(t, b, "advisory")
			way.cut()
			require.Error(t, committing.Wait())
			discarding.Go(func() error { return u.Discard(t.Context()) })
			waiting(t, b, "transactionid") // for the end of the commit
			require.NotEmpty(t, files(t, b.BucketDir))
			release()
			require.NoError(t, discarding.Wait())
			require.NoError(t, u.Discard(t.Context()))

			require.Zero(t, count(t, b.Owner, `SELECT count(*) FROM outbox WHERE kind = 'discard-upload'`))
			if !succeeds {
				require.Empty(t, files(t, b.BucketDir))
				require.Zero(t, count(t, b.Owner, `SELECT count(*) FROM outbox`))
				return
			}
			for _, photo := range photos {
				data, err := read(t, s, user, u.PersonaID(), vault.PhotoPath(u.PersonaID(), photo.ID))
				require.NoError(t, err)
				require.Equal(t, jpeg, data)
			}
			_, _, err := u.Commit(t.Context(), newPersona(photos...))
			require.ErrorIs(t, err, storage.ErrConflict, "it was made")
		})
	}
}

// However many uploads are committed at the same time, no more trainings run than are allowed.
func TestTrainingsOfAUserAreLimited(t *testing.T) {
	t.Parallel()
	s := storagetest.New(t)
	user, other := uuid.NewString(), uuid.NewString()
	const limit, uploads = 2, 6
	create(t, s, other)
	refused := make([]error, uploads)
	var group errgroup.Group
	for i := range uploads {
		u, photos := upload(t, s, user)
		n := newPersona(photos...)
		n.MaxTrainings, n.IdempotencyKey, n.Fingerprint = limit, "key-"+strconv.Itoa(i), "one"
		group.Go(func() error {
			_, _, refused[i] = u.Commit(t.Context(), n)
			return u.Discard(t.Context())
		})
	}
	require.NoError(t, group.Wait())
	var passed []string
	for i, err := range refused {
		if err == nil {
			passed = append(passed, "key-"+strconv.Itoa(i))
			continue
		}
		require.Equal(t, persona.CodeTooManyTrainings, persona.CodeOf(err), err)
	}
	require.Len(t, passed, limit)
	personas, _, err := s.Personas(t.Context(), user, 10, 0)
	require.NoError(t, err)
	require.Len(t, personas, limit)

	require.Equal(t, persona.CodeTooManyTrainings, persona.CodeOf(s.CheckTrainings(t.Context(), user, "", limit)))
	require.Equal(t, persona.CodeTooManyTrainings, persona.CodeOf(s.CheckTrainings(t.Context(), user, "another key", limit)))
	require.NoError(t, s.CheckTrainings(t.Context(), user, passed[0], limit), "its training is one of those that run")
	require.NoError(t, s.CheckTrainings(t.Context(), user, "", limit+1))
	require.NoError(t, s.CheckTrainings(t.Context(), user, "", 0), "no limit")
	require.NoError(t, s.CheckTrainings(t.Context(), other, "", limit))

	// The same request again is answered while no other may start.
	u, photos := upload(t, s, user)
	n := newPersona(photos...)
	n.MaxTrainings, n.IdempotencyKey, n.Fingerprint = limit, passed[0], "one"
	_, replayed, err := u.Commit(t.Context(), n)
	require.NoError(t, err)
	require.True(t, replayed)

	require.NoError(t, s.FailVersion(t.Context(), user, personas[0].ID, 1, persona.VersionFailed, storage.Failure{Code: persona.CodeProviderFailed}))
	require.NoError(t, s.CheckTrainings(t.Context(), user, "", limit), "one has ended")
}
