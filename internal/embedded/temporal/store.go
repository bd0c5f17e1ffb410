package temporal

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/metrics"
	temporalsql "go.temporal.io/server/common/persistence/sql"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	sqliteplugin "go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/common/resolver"
	"go.temporal.io/server/schema/sqlite"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/inflio/persona/internal/contract"
)

// retention is how long closed workflows are kept.
const retention = 72 * time.Hour

// sqliteHeader is the beginning of every SQLite file.
const sqliteHeader = "SQLite format 3\x00"

// searchAttributes are the product's, by name.
var searchAttributes = map[string]enumspb.IndexedValueType{
	contract.PersonaIDKey.GetName():      contract.PersonaIDKey.GetValueType(),
	contract.UserIDKey.GetName():         contract.UserIDKey.GetValueType(),
	contract.StageKey.GetName():          contract.StageKey.GetValueType(),
	contract.PersonaVersionKey.GetName(): contract.PersonaVersionKey.GetValueType(),
}

// store is the database of a server.
type store struct {
	file string // absolute; "" in memory
	name string // of the database in memory, unique in this process
}

func (s store) memory() bool { return s.file == "" }

// sql is the configuration for Temporal's SQLite plugin.
func (s store) sql() *config.SQL {
	if s.memory() {
		return &config.SQL{
			PluginName: sqliteplugin.PluginName, DatabaseName: s.name,
			ConnectAttributes: map[string]string{"mode": "memory", "cache": "shared"},
		}
	}
	return &config.SQL{
		PluginName: sqliteplugin.PluginName, DatabaseName: uriPath(s.file),
		ConnectAttributes: map[string]string{
			"mode":         "rwc",
			"journal_mode": "wal",    // with synchronous=normal: 27 workflows a second instead of 3
			"synchronous":  "normal", // a crash of the machine may lose the last transactions, never damage the file
			"busy_timeout": "10000",
			// SQLite overwrites deleted rows with zeros.
			"secure_delete": "on",
		},
	}
}

// uriPath escapes a path for SQLite, which reads it as a URI.
func uriPath(path string) string { return (&url.URL{Path: path}).EscapedPath() }

// openStore checks the file, or creates it with Temporal's tables.
func openStore(ctx context.Context, file string) (store, error) {
	if file == "" {
		return store{name: "persona-" + rand.Text()}, nil
	}
	file, err := filepath.Abs(file)
	if err != nil {
		return store{}, err
	}
	s := store{file: file}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return store{}, fmt.Errorf("the Temporal database %s cannot be made: %w", file, err)
	}
	if err := s.checkHeader(); err != nil {
		return store{}, err
	}
	// The file holds ids of people's data: only our own user may read it.
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return store{}, fmt.Errorf("the Temporal database %s cannot be opened: %w", file, err)
	}
	if err := f.Close(); err != nil {
		return store{}, err
	}
	db, err := sql.Open("sqlite", "file:"+uriPath(file)+"?mode=rwc&_pragma=busy_timeout=10000")
	if err != nil {
		return store{}, s.explain(err)
	}
	defer func() { _ = db.Close() }()
	if err := s.check(ctx, db); err != nil {
		return store{}, err
	}
	return s, nil
}

// checkHeader refuses a file that is not SQLite's: SQLite would take some of them for an empty database.
func (s store) checkHeader() error {
	f, err := os.Open(s.file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the Temporal database %s cannot be opened: %w", s.file, err)
	}
	defer func() { _ = f.Close() }()
	header := make([]byte, len(sqliteHeader))
	if n, err := io.ReadFull(f, header); n == 0 && errors.Is(err, io.EOF) {
		return nil // the process that created it was killed before it wrote anything
	}
	if !bytes.Equal(header, []byte(sqliteHeader)) {
		return s.damaged("it is not an SQLite file")
	}
	return nil
}

// check verifies the whole file, and creates Temporal's tables when it has none.
func (s store) check(ctx context.Context, db *sql.DB) error {
	var verdict string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return s.explain(err)
	}
	if verdict != "ok" {
		return s.damaged("its pages are inconsistent")
	}
	var tables, needed int
	const count = "SELECT count(*), count(*) FILTER (WHERE name IN ('namespaces', 'executions', 'executions_visibility')) FROM sqlite_master WHERE type = 'table'"
	if err := db.QueryRowContext(ctx, count).Scan(&tables, &needed); err != nil {
		return s.explain(err)
	}
	switch {
	case needed == 3:
		return nil
	case tables != 0:
		return s.damaged("tables of Temporal are missing")
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return s.explain(err)
	}
	// In one transaction: a process killed in between must not leave half of the tables.
	defer func() { _ = tx.Rollback() }()
	if err := sqlite.SetupSchemaOnDB(schemaWriter{ctx: ctx, tx: tx}); err != nil {
		return s.explain(err)
	}
	if err := tx.Commit(); err != nil {
		return s.explain(err)
	}
	return nil
}

// schemaWriter is as much of an AdminDB as creating the tables needs.
type schemaWriter struct {
	sqlplugin.AdminDB
	ctx context.Context
	tx  *sql.Tx
}

// Exec runs one statement.
func (w schemaWriter) Exec(statement string, args ...any) error {
	_, err := w.tx.ExecContext(w.ctx, statement, args...)
	return err
}

// prepare registers the namespace, which needs no running server, and opens the database for scrubbing.
func (s store) prepare(settings *config.Config, namespace string) (sqlplugin.AdminDB, error) {
	details, err := sqlite.NewNamespaceConfig(clusterName, namespace, false, searchAttributes)
	if err != nil {
		return nil, err
	}
	details.Detail.Config.Retention = durationpb.New(retention)
	source := settings.Persistence.DataStores[sqliteplugin.PluginName].SQL
	if err := sqlite.CreateNamespaces(source, details); err != nil {
		return nil, err
	}
	return temporalsql.NewSQLAdminDB(sqlplugin.DbKindUnknown, source, resolver.NewNoopResolver(), log.NewNoopLogger(), metrics.NoopMetricsHandler)
}

func (s store) damaged(reason string) error {
	return fmt.Errorf("the Temporal database %s is damaged (%s): restore it, or delete it to start with an empty one", s.file, reason)
}

// explain adds the name of the file to an error of SQLite.
func (s store) explain(err error) error {
	var code interface{ Code() int }
	if s.memory() || !errors.As(err, &code) {
		return err
	}
	const corrupt, notDatabase = 11, 26 // SQLITE_CORRUPT, SQLITE_NOTADB; the low byte of a code is its kind
	switch code.Code() & 0xff {
	case corrupt, notDatabase:
		return s.damaged(err.Error())
	default:
		return fmt.Errorf("the Temporal database %s cannot be used: %w", s.file, err)
	}
}
