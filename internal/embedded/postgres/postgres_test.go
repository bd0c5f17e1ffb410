package postgres_test

import (
	"context"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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

// Another program opens the port after it was chosen, more than once.
func TestAPortThatIsTakenMeanwhile(t *testing.T) {
	t.Parallel()
	var ports []int
	for range 2 {
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		t.Cleanup(func() { _ = l.Close() })
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	dir := t.TempDir()
	s, err := postgres.StartOn(t.Context(), postgres.Options{Dir: dir, Fast: true}, ports...)
	require.NoError(t, err)
	defer removeOutside(t, dir)
	defer stop(t, s)
	require.Equal(t, "1", query(t, s.URL("postgres"), "SELECT 1::text"))
}

func TestARunningServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, dir)

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

	for range 2 { // the second time it is there
		require.NoError(t, s.CreateDatabase(t.Context(), `an "odd" name`))
	}
	require.Equal(t, `an "odd" name`, query(t, s.URL(`an "odd" name`), "SELECT current_database()"))

	_, err = postgres.Start(t.Context(), postgres.Options{Dir: dir, Fast: true})
	require.ErrorContains(t, err, "cannot be used: another process uses it")

	stop(t, s)
	stop(t, s) // harmless
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

	moved := filepath.Join(parent, "moved")
	require.NoError(t, os.Rename(filepath.Dir(dir), moved))
	dir = filepath.Join(moved, "postgres")
	second = start(t, dir)
	require.Equal(t, "still here", query(t, second.URL("postgres"), read), "a moved folder keeps its cluster")
	stop(t, second)

	// The folder is deleted and made anew: its old cluster must not come back.
	old := readNote(dir)
	require.NoError(t, os.RemoveAll(dir))
	if old != "" {
		lately := time.Now().Add(-2 * time.Hour)
		require.NoError(t, os.Chtimes(filepath.Join(old, "owner.json"), lately, lately))
	}
	third := start(t, dir)
	require.Equal(t, "0", query(t, third.URL("postgres"), "SELECT count(*)::text FROM pg_tables WHERE tablename = 'kept'"))
	if old != "" {
		require.NoDirExists(t, old, "what a temporary folder left outside is swept away")
	}
}

func readNote(dir string) string {
	note, err := os.ReadFile(filepath.Join(dir, "cluster-is-at"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(note))
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
	dir := filepath.Join(t.TempDir(), "postgres")
	stop(t, start(t, dir))
	data := filepath.Join(dir, "data")
	if root := readNote(dir); root != "" {
		data = filepath.Join(root, "data")
	}
	for _, test := range []struct{ name, lost, put, want string }{
		{"no version", filepath.Join(data, "PG_VERSION"), "", "is damaged"},
		{"a version that is none", filepath.Join(data, "PG_VERSION"), "new", "is damaged"},
		{"another version", filepath.Join(data, "PG_VERSION"), "9", "was made by PostgreSQL 9"},
		{"no control file", filepath.Join(data, "global", "pg_control"), "", "is damaged"},
		{"no catalog", filepath.Join(data, "base"), "", "is damaged"},
		{"another password", filepath.Join(dir, "password"), "a guess", "is damaged"},
	} {
		require.NoError(t, os.Rename(test.lost, test.lost+".away"), test.name)
		if test.put != "" {
			require.NoError(t, os.WriteFile(test.lost, []byte(test.put), 0o644))
		}
		_, err := postgres.Start(t.Context(), postgres.Options{Dir: dir, Fast: true})
		require.ErrorContains(t, err, test.want, test.name)
		require.NotContains(t, err.Error(), "\n", test.name)
		require.NoError(t, os.RemoveAll(test.lost))
		require.NoError(t, os.Rename(test.lost+".away", test.lost))
	}
	start(t, dir) // nothing was made worse
}

func TestAFolderThatCannotBe(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := postgres.Start(t.Context(), postgres.Options{Dir: filepath.Join(file, "postgres")})
	require.ErrorContains(t, err, "cannot be used for PostgreSQL")
}
