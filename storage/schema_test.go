package storage_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/storage/storagetest"
)

// constants reads the string constants of a type from the source of package persona, so that a state added there without a
// migration is noticed here.
func constants(t *testing.T, typeName string) []string {
	t.Helper()
	var values []string
	for _, file := range []string{"status.go", "tier.go", "purchase.go"} {
		parsed, err := parser.ParseFile(token.NewFileSet(), "../internal/persona/"+file, nil, 0)
		require.NoError(t, err)
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if name, ok := spec.Type.(*ast.Ident); !ok || name.Name != typeName {
				return true
			}
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			values = append(values, value)
			return true
		})
	}
	slices.Sort(values)
	return values
}

func TestStatesAreThoseOfTheLanguage(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	quoted := regexp.MustCompile(`'([a-z-]+)'`)
	for constraint, typeName := range map[string]string{
		"personas_status_check": "Status", "persona_versions_status_check": "VersionStatus",
		"persona_versions_stage_check": "Stage", "persona_versions_tier_check": "Tier",
		"persona_training_jobs_status_check": "PurchaseStatus", "picture_orders_status_check": "PurchaseStatus",
		"erasure_purchases_kind_check": "PurchaseKind",
	} {
		var definition string
		require.NoError(t, b.Owner.QueryRow(t.Context(),
			`SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = $1`, constraint).Scan(&definition))
		var values []string
		for _, match := range quoted.FindAllStringSubmatch(definition, -1) {
			values = append(values, match[1])
		}
		slices.Sort(values)
		require.Equal(t, constants(t, typeName), values, constraint)
	}
}

// The three tables of the product document keep their columns.
func TestTheGuidesColumns(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	for table, columns := range map[string][]string{
		"personas": {
			"id", "user_id", "name", "trigger_word", "status", "model_ref", "version", "quality_score", "training_started_at",
			"training_completed_at", "created_at", "updated_at",
		},
		"persona_images": {
			"id", "persona_id", "url", "storage_path", "quality_score", "is_primary", "face_detected", "metadata", "created_at",
		},
		"persona_training_jobs": {
			"id", "persona_id", "job_id", "status", "progress", "error_message", "config", "started_at", "completed_at", "created_at",
		},
	} {
		n := count(t, b.Owner, `SELECT count(*) FROM information_schema.columns WHERE table_name = $1 AND column_name = ANY ($2)`,
			table, columns)
		require.Equal(t, len(columns), n, table)
	}
	require.Zero(t, count(t, b.Owner, `
SELECT count(*) FROM information_schema.columns
WHERE table_schema = 'public' AND data_type = 'timestamp without time zone' AND table_name <> 'goose_db_version'`))
}

// Policies and erasures search user_id and persona_id. The database searches the columns of a foreign key when the row that they
// refer to is deleted. Without an index each search reads the whole table.
func TestSearchedColumnsHaveAnIndex(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	rows, err := b.Owner.Query(t.Context(), `
WITH tables AS (SELECT oid, relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace),
searched AS (
    SELECT attrelid AS oid, attnum FROM pg_attribute WHERE attname IN ('user_id', 'persona_id') AND NOT attisdropped
    UNION
    SELECT conrelid, conkey[1] FROM pg_constraint WHERE contype = 'f')
SELECT t.relname || '.' || a.attname FROM tables t JOIN searched s USING (oid)
JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = s.attnum
WHERE NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = t.oid AND i.indkey[0] = s.attnum AND i.indisvalid
                                           AND (i.indpred IS NULL OR NOT a.attnotnull))
  -- The persona of an entry is shown, never searched.
  AND t.relname || '.' || a.attname <> 'audit_log.persona_id'
ORDER BY 1`)
	require.NoError(t, err)
	missing, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Empty(t, missing)
}
