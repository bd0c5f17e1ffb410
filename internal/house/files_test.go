package house_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// maxLines keeps a file small enough to be read at once.
const maxLines = 400

func TestFileLength(t *testing.T) {
	t.Parallel()
	for _, name := range goFiles(t) {
		lines := strings.Count(read(t, name), "\n")
		assert.LessOrEqualf(t, lines, maxLines, "%s is too long: split it by subject", name)
	}
}

// maxFiles keeps a package small enough that a reader finds a file by its name.
const maxFiles = 25

func TestFilesOfAPackage(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if p.short() == "internal/photo" {
			continue // a file for each measure
		}
		assert.LessOrEqualf(t, len(p.GoFiles), maxFiles, "%s has too many files: make packages of its parts", p.short())
	}
}

// A second comment would be joined to the first by the documentation, in the order of file names.
func TestPackageComments(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		var commented []string
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.ParseComments|parser.PackageClauseOnly)
			require.NoError(t, err)
			if file.Doc == nil {
				continue
			}
			commented = append(commented, name)
			want := "Package " + p.Name + " "
			if p.Name == "main" {
				want = "Command " + filepath.Base(p.Dir) + " "
			}
			assert.Truef(t, strings.HasPrefix(file.Doc.Text(), want), "%s/%s: the package comment begins with %q", p.short(), name, want)
		}
		if len(p.GoFiles) > 0 {
			assert.Lenf(t, commented, 1, "%s has its package comment in %q: it must be in exactly one file", p.ImportPath, commented)
		}
	}
}

// banned are calls that tests must not make, each with the reason.
var banned = map[string]string{
	"time.Sleep": "a fixed time is too short on a busy machine and too long on others: wait for the condition",
	"Skip":       "nobody notices when a skipped test breaks",
	"Skipf":      "nobody notices when a skipped test breaks",
	"SkipNow":    "nobody notices when a skipped test breaks",
}

func TestTestsDoNotSkipOrSleep(t *testing.T) {
	t.Parallel()
	for _, name := range goFiles(t) {
		if !strings.HasSuffix(name, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, read(t, name), parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			method, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			names := []string{method.Sel.Name}
			if x, ok := method.X.(*ast.Ident); ok {
				names = append(names, x.Name+"."+method.Sel.Name)
			}
			for _, called := range names {
				assert.Emptyf(t, banned[called], "%s calls %s", set.Position(call.Pos()), called)
			}
			return true
		})
	}
}

// A test in the package itself can use what callers cannot.
func TestTestsAreExternal(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if p.Name == "main" {
			continue // nobody can import it
		}
		for _, name := range p.TestGoFiles {
			assert.Truef(t, strings.HasPrefix(name, "export_") || strings.HasSuffix(name, "_internal_test.go"),
				"%s/%s is in the package that it tests: use package %[1]s_test; export_test.go can export more for tests", p.short(), name)
		}
	}
}

// Files that are built, downloaded or made by running the system must not be committed.
func TestNothingGeneratedIsKept(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "git", "ls-files")
	cmd.Dir = rootDir(t)
	out, err := cmd.Output()
	if err != nil {
		return // not a clone
	}
	for name := range strings.Lines(string(out)) {
		name = strings.TrimSpace(name)
		parts := strings.Split(name, "/")
		for _, folder := range []string{"node_modules", ".persona", "bin"} {
			assert.Falsef(t, slices.Contains(parts[:len(parts)-1], folder), "%s is committed: %s belongs to one machine", name, folder)
		}
	}
}
