package house_test

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/inflio/persona"

// goPackage is the output of go list for one package.
type goPackage struct {
	ImportPath   string
	Dir          string
	Name         string
	GoFiles      []string
	TestGoFiles  []string
	XTestGoFiles []string
	Imports      []string
}

// short is the import path inside the module, "" for its root.
func (p goPackage) short() string {
	return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
}

// root is the folder of go.mod; tests run in the folder of their package.
var root = sync.OnceValues(func() (string, error) { return filepath.Abs(filepath.Join("..", "..")) })

func rootDir(t *testing.T) string {
	t.Helper()
	dir, err := root()
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(dir, "go.mod"))
	return dir
}

var listed = sync.OnceValues(func() ([]goPackage, error) {
	dir, err := root()
	if err != nil {
		return nil, err
	}
	// -e: packages that do not build are reported by the compiler, not here.
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Dir,Name,GoFiles,TestGoFiles,XTestGoFiles,Imports", "./...")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	var all []goPackage
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
})

// packages returns all packages of the module.
func packages(t *testing.T) []goPackage {
	t.Helper()
	all, err := listed()
	require.NoError(t, err)
	require.NotEmpty(t, all)
	return all
}

// deps returns all packages that the binary of a command links.
func deps(t *testing.T, command string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", command)
	cmd.Dir = rootDir(t)
	out, err := cmd.Output()
	require.NoError(t, err)
	return strings.Fields(string(out))
}

// goFiles returns the paths of all Go files of the module, from its root.
func goFiles(t *testing.T) []string {
	t.Helper()
	dir := rootDir(t)
	var files []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // a temporary file of another test
			}
			return err
		}
		if d.IsDir() {
			name := d.Name()
			if path != dir && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "bin") {
				return filepath.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(path, ".go") {
			short, err := filepath.Rel(dir, path)
			files = append(files, filepath.ToSlash(short))
			return err
		}
		return nil
	}))
	require.NotEmpty(t, files)
	return files
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(rootDir(t), filepath.FromSlash(path)))
	require.NoError(t, err)
	return string(content)
}
