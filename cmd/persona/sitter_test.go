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
	code, _, said = api.persona(t, "sitter", "-out", dir, "-faults", "-only", "blurred,nonsense")
	require.Equal(t, exitUsage, code)
	require.Contains(t, said, "nonsense")
	code, _, said = api.persona(t, "sitter", "-out", dir, "-only", "blurred")
	require.Equal(t, exitUsage, code)
	require.Contains(t, said, "-faults")
}

func TestSitterDrawsFaults(t *testing.T) {
	t.Parallel()
	api := newFakeAPI(t, nil)
	dir := t.TempDir()
	// The faults of files are cheap to check: each is said, and nothing else.
	codes := []string{
		"empty_file", "not_jpeg_or_png", "file_too_small", "file_too_large", "resolution_too_low", "too_many_pixels", "damaged",
	}
	code, out, said := api.persona(t, "sitter", "-out", dir, "-faults", "-only", strings.Join(codes, ","))
	require.Equal(t, exitOK, code, said)
	require.Len(t, strings.Fields(out), len(codes))
	for _, name := range codes {
		data, err := os.ReadFile(filepath.Join(dir, name+".jpg"))
		require.NoError(t, err)
		inspector := photo.NewInspector(persona.DefaultPhotoPolicy())
		_, err = inspector.Write(data)
		require.NoError(t, err)
		findings := inspector.Facts().Findings
		require.Len(t, findings, 1, name)
		require.Equal(t, name, string(findings[0].Code))
	}
}

// What only a set tells is drawn with a set.
func TestSitterDrawsGoodPhotosBesideFaultsOfSets(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	code, out, said := newFakeAPI(t, nil).persona(t, "sitter", "-out", dir, "-faults", "-only", "unlike_the_others")
	require.Equal(t, exitOK, code, said)
	var names []string
	for file := range strings.FieldsSeq(out) {
		names = append(names, filepath.Base(file))
	}
	require.Equal(t, []string{
		"unlike_the_others.jpg", "good-01.jpg", "good-02.jpg", "good-03.jpg", "good-04.jpg", "good-05.jpg", "good-06.jpg",
	}, names)
	code, out, said = newFakeAPI(t, nil).persona(t, "score", dir)
	require.Equal(t, exitOK, code, said)
	require.Contains(t, out, "\n7  unlike_the_others.jpg\n  note: This face looks unlike the others in the set.")
	require.NotContains(t, out, "good-01.jpg\n")
}
