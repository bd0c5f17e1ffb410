package audit_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/storage/audit"
)

// Append refuses an action that Actions does not return, so a constant that is missing there could never be written.
func TestEveryActionIsListed(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "action.go", nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	var declared []audit.Action
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		for _, value := range spec.Values {
			literal, ok := value.(*ast.BasicLit)
			require.True(t, ok, "%s is not a plain string", spec.Names[0])
			text, err := strconv.Unquote(literal.Value)
			require.NoError(t, err)
			declared = append(declared, audit.Action(text))
		}
		return true
	})
	require.NotEmpty(t, declared)
	require.Equal(t, declared, audit.Actions())
	seen := map[audit.Action]bool{}
	for _, action := range declared {
		require.Regexp(t, `^[a-z]+\.[a-z_]+$`, string(action))
		require.False(t, seen[action], action)
		seen[action] = true
	}
}
