package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
)

func TestSitterDrawsPhotosThatPass(t *testing.T) {
	t.Parallel()
	api := newFakeAPI(t, nil)
	dir := filepath.Join(t.TempDir(), "photos")
	code, out, said := api.persona(t, "sitter", "-out", dir, "-identity", "3", "-count", "2")
	require.Equal(t, exitOK, code, said)
	files := strings.Fields(out)
	require.Len(t, files, 2)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		judged, err := photo.NewJudge(persona.DefaultPhotoPolicy(), nil).Photo(t.Context(), data, time.Time{})
		require.NoError(t, err)
		require.True(t, judged.Accepted(persona.DefaultPhotoPolicy()), "%+v", judged.Findings)
	}
	code, _, said = api.persona(t, "sitter", "-out", dir, "-count", "41")
	require.Equal(t, exitUsage, code)
	require.Contains(t, said, "between 1 and 40")
}
