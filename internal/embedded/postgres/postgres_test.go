package postgres_test

import (
	"context"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/embedded/postgres"
)

func start(t *testing.T, dir string) *postgres.Server {
	t.Helper()
	s, err := postgres.Start(t.Context(), postgres.Options{Dir: dir, Fast: true})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, s.Stop(context.Background()))
		removeOutside(t, dir)
	})
	return s
}

// removeOutside deletes the cluster of a folder that the unprivileged user could not reach.
func removeOutside(t *testing.T, dir string) {
	t.Helper()
	if note, err := os.ReadFile(filepath.Join(dir, "cluster-is-at")); err == nil {
		require.NoError(t, os.RemoveAll(strings.TrimSpace(string(note))))
	}
}

func stop(t *testing.T, s *postgres.Server) {
	t.Helper()
	require.NoError(t, s.Stop(t.Context()))
}

func query(t *testing.T, address, sql string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(context.Background())) }()
	var answer string
	require.NoError(t, conn.QueryRow(t.Context(), sql).Scan(&answer))
	return answer
}

const (
	write = "CREATE TABLE kept AS SELECT 'still here'::text AS word; "
	read  = "SELECT word FROM kept"
)

func execute(t *testing.T, address, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(context.Background())) }()
	_, err = conn.Exec(t.Context(), sql)
	require.NoError(t, err)
}

func TestDataSurvivesARestart(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a", "folder with spaces", strings.Repeat("long", 20))
	first := start(t, dir)
	require.False(t, first.Adopted())
	execute(t, first.URL("postgres"), write)
	stop(t, first)
	<-first.Exited()

	second := start(t, dir)
	require.False(t, second.Adopted())
	require.Equal(t, "still here", query(t, second.URL("postgres"), read))
}

func TestSettings(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir())
	for setting, want := range map[string]string{
		"timezone": "UTC", "server_encoding": "UTF8", "listen_addresses": "127.0.0.1", "unix_socket_directories": "",
		"fsync": "off", "password_encryption": "scram-sha-256", "log_error_verbosity": "terse",
	} {
		require.Equal(t, want, query(t, s.URL("postgres"), "SELECT current_setting('"+setting+"')"), setting)
	}
	require.Contains(t, []string{"C.UTF-8", "C"}, query(t, s.URL("postgres"), "SELECT datcollate FROM pg_database WHERE datname = 'postgres'"))

	address, err := url.Parse(s.URL("postgres"))
	require.NoError(t, err)
	host, _, err := net.SplitHostPort(address.Host)
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1", host)
	address.User = url.UserPassword("postgres", "a guess")
	_, err = pgx.Connect(t.Context(), address.String())
	require.ErrorContains(t, err, "28P01", "nobody gets in without the password")
}

func TestCreateDatabase(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir())
	for range 2 {
		require.NoError(t, s.CreateDatabase(t.Context(), `an "odd" name`))
	}
	require.Equal(t, `an "odd" name`, query(t, s.URL(`an "odd" name`), "SELECT current_database()"))
}

func TestOneProcessAtATime(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	start(t, dir)
	_, err := postgres.Start(t.Context(), postgres.Options{Dir: dir, Fast: true})
	require.ErrorContains(t, err, "cannot be used: another process uses it")
}

func TestStopIsHarmlessTwice(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir())
	stop(t, s)
	stop(t, s)
}

func TestPrivateParent(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	require.NoError(t, os.Chmod(parent, 0o700))
	dir := filepath.Join(parent, "data", "postgres")
	first := start(t, dir)
	execute(t, first.URL("postgres"), write)
	stop(t, first)

	info, err := os.Stat(parent)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm(), "a folder that is not ours stays as it was")

	second := start(t, dir)
	require.Equal(t, "still here", query(t, second.URL("postgres"), read))
	stop(t, second)

	// The folder is deleted and made anew: its old cluster must not come back.
	removeLater := readNote(dir)
	require.NoError(t, os.RemoveAll(dir))
	third := start(t, dir)
	require.Equal(t, "0", query(t, third.URL("postgres"), "SELECT count(*)::text FROM pg_tables WHERE tablename = 'kept'"))
	if removeLater != "" {
		require.NoDirExists(t, removeLater, "what a test left outside is swept away")
	}
}

func readNote(dir string) string {
	note, err := os.ReadFile(filepath.Join(dir, "cluster-is-at"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(note))
}

func TestAMovedFolderKeepsItsCluster(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	require.NoError(t, os.Chmod(parent, 0o700))
	before, after := filepath.Join(parent, "before"), filepath.Join(parent, "after")
	first := start(t, before)
	execute(t, first.URL("postgres"), write)
	stop(t, first)
	require.NoError(t, os.Rename(before, after))
	second := start(t, after)
	require.Equal(t, "still here", query(t, second.URL("postgres"), read))
}

func TestAClusterThatIsShutInLaterMovesOut(t *testing.T) {
	t.Parallel()
	parent := filepath.Join(t.TempDir(), "parent")
	require.NoError(t, os.Mkdir(parent, 0o755))
	dir := filepath.Join(parent, "postgres")
	first := start(t, dir)
	execute(t, first.URL("postgres"), write)
	stop(t, first)
	require.NoError(t, os.Chmod(parent, 0o700))
	second := start(t, dir)
	require.Equal(t, "still here", query(t, second.URL("postgres"), read))
}

func TestDamagedClusters(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		damage func(t *testing.T, dir, data string)
		want   string
	}{
		"no version": {
			func(t *testing.T, _, data string) { require.NoError(t, os.Remove(filepath.Join(data, "PG_VERSION"))) },
			"is damaged",
		},
		"no control file": {
			func(t *testing.T, _, data string) {
				require.NoError(t, os.Truncate(filepath.Join(data, "global", "pg_control"), 0))
			},
			"is damaged",
		},
		"no catalog": {
			func(t *testing.T, _, data string) { require.NoError(t, os.RemoveAll(filepath.Join(data, "base"))) },
			"is damaged",
		},
		"no password": {
			func(t *testing.T, dir, _ string) { require.NoError(t, os.Remove(filepath.Join(dir, "password"))) },
			"is damaged",
		},
		"other version": {
			func(t *testing.T, _, data string) {
				require.NoError(t, os.WriteFile(filepath.Join(data, "PG_VERSION"), []byte("9\n"), 0o600))
			},
			"was made by PostgreSQL 9",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "postgres")
			stop(t, start(t, dir))
			data := filepath.Join(dir, "data")
			if root := readNote(dir); root != "" {
				data = filepath.Join(root, "data")
			}
			test.damage(t, dir, data)
			_, err := postgres.Start(t.Context(), postgres.Options{Dir: dir, Fast: true})
			require.ErrorContains(t, err, test.want)
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestAFolderThatCannotBe(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := postgres.Start(t.Context(), postgres.Options{Dir: filepath.Join(file, "postgres")})
	require.ErrorContains(t, err, "cannot be used for PostgreSQL")
}
