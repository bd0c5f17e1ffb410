package house_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// treeLine is a line of the README's tree: a folder, at least one space, what it is for.
var treeLine = regexp.MustCompile(`(?m)^([a-z][a-z0-9/-]*)/ +(\S.*)$`)

// listedFolders returns the folders of the README's tree, in its order.
func listedFolders(t *testing.T, readme string) (folders []string) {
	t.Helper()
	_, section, found := strings.Cut(readme, "\n## The tree\n")
	require.True(t, found, "the README has a section The tree")
	section, _, _ = strings.Cut(section, "\n## ")
	for _, line := range treeLine.FindAllStringSubmatch(section, -1) {
		folders = append(folders, line[1])
	}
	return folders
}

// treeFolder is the folder under which the README lists a package: one level deep, and two below internal and cmd.
func treeFolder(short string) string {
	parts := strings.Split(short, "/")
	if depth := 2; (parts[0] == "internal" || parts[0] == "cmd") && len(parts) > depth {
		parts = parts[:depth]
	} else if parts[0] != "internal" && parts[0] != "cmd" {
		parts = parts[:1]
	}
	return strings.Join(parts, "/")
}

func TestTheTreeOfTheReadme(t *testing.T) {
	t.Parallel()
	listed := listedFolders(t, read(t, "README.md"))
	require.Len(t, slices.Compact(slices.Sorted(slices.Values(listed))), len(listed), "a folder is listed twice")
	for _, p := range packages(t) {
		assert.Containsf(t, listed, treeFolder(p.short()), "the README's tree lacks the folder of %s", p.short())
	}
	for _, folder := range listed {
		info, err := os.Stat(filepath.Join(rootDir(t), filepath.FromSlash(folder)))
		if assert.NoErrorf(t, err, "the README's tree has a folder that does not exist") {
			assert.Truef(t, info.IsDir(), "%s is not a folder", folder)
		}
	}
}

func TestTreeFolders(t *testing.T) {
	t.Parallel()
	for short, want := range map[string]string{
		"storage": "storage", "storage/vault": "storage", "test/fal-client/dataset": "test", "cmd/dev": "cmd/dev",
		"internal/photo": "internal/photo", "internal/photo/face/x": "internal/photo",
	} {
		require.Equal(t, want, treeFolder(short))
	}
}

// Settings that the README does not name are found by nobody. Those of photos are in internal/persona/policy.go, to which it
// refers.
func TestTheReadmeHasEverySetting(t *testing.T) {
	t.Parallel()
	readme := read(t, "README.md")
	for _, name := range goFiles(t) {
		if !strings.HasPrefix(name, "internal/app/") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, tag := range envTag.FindAllStringSubmatch(read(t, name), -1) {
			assert.Containsf(t, readme, tag[1], "the README does not name the setting %s", tag[1])
		}
	}
}
