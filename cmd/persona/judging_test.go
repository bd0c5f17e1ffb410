package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/onnx/onnxtest"
	"github.com/inflio/persona/internal/sitter"
)

// These tests cannot be parallel: the environment is the whole process's.

func TestEvalMeasuresTheFaceModel(t *testing.T) {
	l := labelled{dir: t.TempDir()}
	for _, who := range []uint64{3, 8} {
		for range 2 {
			l.portrait(t, who, map[string]string{}, func(*sitter.Pose) {})
		}
	}
	labels := l.save(t)
	model := filepath.Join(l.dir, "model.onnx")
	require.NoError(t, os.WriteFile(model, onnxtest.Colours(32).Bytes(), 0o600))
	t.Setenv("PERSONA_FACE_MODEL", model)
	var out, said bytes.Buffer
	require.Equal(t, exitOK, run(t.Context(), []string{"eval", labels}, &terminal{out: &out, err: &said}), said.String())
	require.Regexp(t, `SAME PERSON \(descriptor onnx:[0-9a-f]{12} rgb -1\.\.1\)`, out.String())
}

func TestFaceModelProblems(t *testing.T) {
	for name, c := range map[string]struct {
		environment map[string]string
		want        string
	}{
		"missing":   {map[string]string{"PERSONA_FACE_MODEL": "hush.onnx"}, "persona: PERSONA_FACE_MODEL: there is no such file.\n"},
		"no number": {map[string]string{"PERSONA_FACE_MODEL_SAME": "hush"}, "persona: PERSONA_FACE_MODEL_SAME is not a number such as 0.36.\n"},
		"two at once": {
			map[string]string{"PERSONA_FACE_MODEL_SAME": "36", "PERSONA_FACE_MODEL": "x", "PERSONA_FACE_MODEL_PIXELS": "hush"},
			"persona: PERSONA_FACE_MODEL_PIXELS must be rgb or bgr and one of 0..255, 0..1 and -1..1, e.g. \"bgr 0..255\".\n" +
				"persona: PERSONA_FACE_MODEL_SAME is not a similarity: it must lie between 0 and 1, e.g. 0.363.\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			for k, v := range c.environment {
				t.Setenv(k, v)
			}
			for _, command := range [][]string{{"score", "photo.jpg"}, {"eval", "labels.csv"}} {
				var out, said bytes.Buffer
				require.Equal(t, exitUsage, run(t.Context(), command, &terminal{out: &out, err: &said}))
				require.Equal(t, c.want, said.String())
			}
		})
	}
}
