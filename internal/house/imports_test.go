package house_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// rule lists the packages of the module that a package may import in production files, and the reason.
type rule struct {
	may []string
	why string
}

// rules has every package of the module. Add a new package here.
var rules = map[string]rule{
	"internal/persona":  {nil, "every package uses it, so it must not depend on any"},
	"internal/contract": {[]string{"internal/persona"}, "what crosses the wire must not change with anything else"},
	"internal/dct":      {nil, "bytes in, samples out: a file format knows nothing of faces"},
	"internal/photo":    {[]string{"internal/persona", "internal/dct"}, "bytes in, measures out: it can be tested and replaced alone"},
	"internal/onnx":     {nil, "numbers in, numbers out: a network knows nothing of faces"},
	"internal/onnx/onnxtest": {
		nil, "a test helper: production files may not import it",
	},
	"internal/embedding": {[]string{"internal/photo", "internal/onnx"}, "one way to describe faces; the judge knows only the port"},
	"internal/eval":      {[]string{"internal/persona", "internal/photo"}, "the judge is measured from outside, by what any caller gets"},
	"internal/trainer":   {[]string{"internal/persona"}, "it talks to a provider and does not depend on records or workflows"},
	"internal/sitter":    {nil, "its pictures are the expected results of tests, so it must not use the code under test"},
	"internal/sheet":     {[]string{"internal/persona"}, "pictures and verdicts in, one picture out"},
	"migrations":         {nil, "only SQL: a migration must not change when the code does"},
	"storage": {
		[]string{"internal/persona", "migrations", "storage/audit", "storage/vault"}, "it serves every caller and depends on none",
	},
	"storage/audit": {[]string{"internal/persona"}, "the chain is checked without knowing what its entries are about"},
	"storage/vault": {[]string{"internal/persona"}, "it knows neither users nor the database: package storage asks for permission first"},
	"storage/storagetest": {
		[]string{"storage", "migrations", "internal/persona", "internal/embedded/postgres"},
		"a test helper: production files may not import it",
	},
	"internal/purchase": {
		[]string{"internal/persona", "internal/trainer", "storage"},
		"what costs money is bought, settled and removed in one place, which knows no workflow",
	},
	"activities": {
		[]string{
			"internal/contract", "internal/persona", "storage", "storage/audit", "storage/vault", "internal/photo", "internal/trainer",
			"internal/purchase",
		},
		"what touches the world, on its own road to each part of it",
	},
	"workflows": {
		[]string{"internal/contract", "internal/persona", "activities"},
		"decisions and waiting: activities are named by method reference, so that the compiler checks them, and nothing else is at hand",
	},
	"internal/api": {
		[]string{
			"internal/contract", "internal/persona", "storage", "storage/audit", "storage/vault", "internal/photo", "internal/purchase",
			"internal/api/upload", "internal/api/docs",
		},
		"handlers decode, call and encode; what takes time belongs to a workflow",
	},
	"internal/api/upload": {
		[]string{"internal/persona", "storage", "internal/photo"}, "reads requests with photos into storage; it does not know the handlers",
	},
	"internal/api/docs": {[]string{"internal/persona"}, "renders a description; it does not know what is described"},
	"internal/app": {
		[]string{
			"internal/contract", "internal/persona", "internal/photo", "internal/embedding", "internal/trainer", "internal/purchase", "internal/api", "storage", "storage/audit",
			"migrations", "activities", "workflows",
		},
		"the only place that connects the parts; without the embedded ones, because cmd/persona links all of this",
	},
	"internal/embedded/folder":   {nil, "locks a folder, whatever is in it"},
	"internal/embedded/postgres": {[]string{"internal/embedded/folder"}, "runs PostgreSQL, whatever is in it"},
	"internal/embedded/temporal": {
		[]string{"internal/contract", "internal/embedded/folder"}, "runs a server; the contract has the search attributes to register",
	},
	"internal/localtrainer": {
		[]string{"internal/localtrainer/facemodel"},
		"it imitates a provider: code shared with the client would hide mistakes in both",
	},
	"internal/localtrainer/facemodel": {
		[]string{"internal/photo", "internal/persona", "internal/sitter"}, "the model is made of found and of drawn faces",
	},
	"cmd/persona": {
		[]string{"internal/app", "internal/persona", "internal/photo", "internal/embedding", "internal/sheet", "internal/eval", "internal/sitter"},
		"flags and wiring; photo, embedding, persona and eval are for judging files without a server, sheet for looking at the verdicts, sitter for drawing photos to try",
	},
	"cmd/dev": {
		[]string{
			"internal/app", "internal/localtrainer", "internal/embedded/folder", "internal/embedded/postgres", "internal/embedded/temporal",
		},
		"flags, wiring and the embedded parts",
	},
	"bench/photo": {
		[]string{"internal/persona", "internal/photo", "internal/sitter"}, "times the judge as any caller would, on a drawn photo",
	},
	"test/fal-client/dataset": {[]string{"internal/sitter"}, "drawn photos for a check that is not written in Go"},
	"cmd/localtrainer":        {[]string{"internal/localtrainer"}, "the local trainer alone"},
}

func TestImports(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if len(p.GoFiles) == 0 {
			continue // tests alone, which may use what they test
		}
		r, known := rules[p.short()]
		if !assert.Truef(t, known, "%s is not in the table of import rules: add it with its reason", p.ImportPath) {
			continue
		}
		for _, path := range p.Imports {
			if path != module && !strings.HasPrefix(path, module+"/") {
				continue
			}
			short := strings.TrimPrefix(strings.TrimPrefix(path, module), "/")
			assert.Truef(t, slices.Contains(r.may, short), "%s must not import %s: %s", p.short(), short, r.why)
		}
	}
}

func TestRulesAreOfPackagesThatExist(t *testing.T) {
	t.Parallel()
	var names []string
	for _, p := range packages(t) {
		names = append(names, p.short())
	}
	for name, r := range rules {
		assert.Contains(t, names, name, "a rule for a package that does not exist")
		for _, may := range r.may {
			assert.Contains(t, names, may, "%s may import a package that does not exist", name)
		}
	}
}

// outside bans packages of other modules from some or all production files.
var outside = []struct {
	packages []string // the packages that the ban is for; nil: all but except
	except   []string
	banned   []string // import paths, with all below them
	why      string
}{
	{
		packages: []string{"internal/persona"},
		banned:   []string{"os", "net", "io", "database/sql", "log", "time/tzdata", "github.com/jackc/pgx/v5", "go.temporal.io", "gocloud.dev"},
		why:      "no I/O: the rules of the product are the same everywhere",
	},
	{
		packages: []string{"internal/photo", "internal/dct"},
		banned:   []string{"os", "net", "database/sql", "log", "crypto/rand", "go.temporal.io", "gocloud.dev", "github.com/jackc/pgx/v5"},
		why:      "no I/O and no chance: the same photo gives the same measures",
	},
	{
		packages: []string{"workflows"},
		banned:   []string{"os", "net", "database/sql", "math/rand", "crypto/rand", "github.com/google/uuid", "github.com/jackc/pgx/v5", "gocloud.dev"},
		why:      "a workflow must do the same again when it is replayed",
	},
	{
		packages: []string{"storage", "storage/audit", "storage/vault", "internal/trainer", "internal/photo", "internal/persona", "migrations"},
		banned:   []string{"go.temporal.io"},
		why:      "only activities, workflows and app use Temporal",
	},
	{
		except: []string{"internal/embedded/temporal"},
		banned: []string{"go.temporal.io/server", "github.com/temporalio/ui-server"},
		why:    "the embedded server is large, and is for development",
	},
	{
		except: []string{"storage/storagetest"},
		banned: []string{
			"testing", "net/http/httptest", "github.com/stretchr/testify", "github.com/peterldowns/pgtestdb",
			"go.temporal.io/sdk/testsuite", "go.temporal.io/sdk/mocks", module + "/storage/storagetest", module + "/internal/onnx/onnxtest",
		},
		why: "production binaries carry no test code",
	},
}

func TestImportsFromOutside(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for _, ban := range outside {
			if ban.packages != nil && !slices.Contains(ban.packages, p.short()) || slices.Contains(ban.except, p.short()) {
				continue
			}
			for _, path := range p.Imports {
				for _, banned := range ban.banned {
					hit := path == banned || strings.HasPrefix(path, banned+"/")
					assert.Falsef(t, hit, "%s must not import %s: %s", p.short(), path, ban.why)
				}
			}
		}
	}
}

// These are all packages that the binary links, directly or not. Testify is not in the list: the Temporal SDK links it.
func TestProductionBinary(t *testing.T) {
	t.Parallel()
	all := deps(t, "./cmd/persona")
	require.Contains(t, all, module+"/internal/app")
	for banned, why := range map[string]string{
		"go.temporal.io/server":           "the embedded Temporal server is for development, and very large",
		"github.com/temporalio":           "the embedded Web UI is for development",
		module + "/internal/localtrainer": "the local trainer must not run in production",
		module + "/internal/embedded":     "in production, PostgreSQL and Temporal run separately",
		module + "/storage/storagetest":   "production binaries carry no test code",
	} {
		for _, path := range all {
			assert.Falsef(t, path == banned || strings.HasPrefix(path, banned+"/"), "cmd/persona links %s: %s", path, why)
		}
	}
}
