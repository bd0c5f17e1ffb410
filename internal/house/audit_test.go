package house_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/storage/audit"
)

// written are the places in production code that are an audit action or a blob path written as text.
func written(t *testing.T, name, source string) (found []string) {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, source, parser.SkipObjectResolution)
	require.NoError(t, err)
	ast.Inspect(file, func(n ast.Node) bool {
		literal, ok := n.(*ast.BasicLit)
		if !ok || literal.Kind != token.STRING {
			return true
		}
		text, err := strconv.Unquote(literal.Value)
		require.NoError(t, err)
		if slices.Contains(audit.Actions(), audit.Action(text)) || strings.HasPrefix(text, "personas/") {
			found = append(found, set.Position(literal.Pos()).String()+": "+text)
		}
		return true
	})
	// A text that is no action yet is found where only an action can be.
	ast.Inspect(file, func(n ast.Node) bool {
		var value ast.Expr
		switch n := n.(type) {
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Action" {
				value = n.Value
			}
		case *ast.CallExpr:
			if called, ok := n.Fun.(*ast.SelectorExpr); ok && len(n.Args) > 0 && (called.Sel.Name == "audit" || called.Sel.Name == "Action") {
				value = n.Args[0]
			}
		}
		for {
			sum, ok := value.(*ast.BinaryExpr)
			if !ok {
				break
			}
			value = sum.X
		}
		if literal, ok := value.(*ast.BasicLit); ok {
			found = append(found, set.Position(literal.Pos()).String()+": "+literal.Value)
		}
		return true
	})
	slices.Sort(found)
	return slices.Compact(found)
}

// The lists of all actions and of all paths are complete only if nobody writes one by hand.
func TestAuditActionsAndBlobPathsAreNotWrittenAsText(t *testing.T) {
	t.Parallel()
	for _, name := range goFiles(t) {
		if strings.HasSuffix(name, "_test.go") || name == "storage/audit/action.go" || name == "storage/vault/path.go" {
			continue
		}
		assert.Empty(t, written(t, name, read(t, name)), "use a constant of storage/audit, or a helper of storage/vault")
	}
}

func TestActionsAndPathsAsTextAreFound(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{
		`tx.audit("thing.done", "", nil)`, `tx.audit("version." + status, "", nil)`, `x := audit.Entry{Action: "thing.done"}`,
		`x := audit.Action("thing.done")`, `x := "photo.read"`, `x := "personas/" + id`, `x := fmt.Sprintf("personas/%s/x", id)`,
	} {
		require.Len(t, written(t, "x.go", "package x\nfunc f() {\n"+bad+"\n}"), 1, bad)
	}
	require.Empty(t, written(t, "x.go", "package x\nfunc f() {\ntx.audit(audit.PhotoRead, \"\", nil)\nx := \"/api/personas/\"\n}"))
}

// An action that nothing uses is not written any more, and its name should say so where the log is read.
func TestEveryAuditActionIsUsed(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "action.go", read(t, "storage/audit/action.go"), parser.SkipObjectResolution)
	require.NoError(t, err)
	unused := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			unused[spec.Names[0].Name] = true
		}
		return true
	})
	require.NotEmpty(t, unused)
	for _, name := range goFiles(t) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, read(t, name), parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(parsed, func(n ast.Node) bool {
			if selector, ok := n.(*ast.SelectorExpr); ok {
				if pkg, ok := selector.X.(*ast.Ident); ok && pkg.Name == "audit" {
					delete(unused, selector.Sel.Name)
				}
			}
			return true
		})
	}
	require.Empty(t, unused, "remove the action, or use it")
}
