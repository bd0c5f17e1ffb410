package embedding_test

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/embedding"
	"github.com/inflio/persona/internal/onnx/onnxtest"
	"github.com/inflio/persona/internal/photo"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	const (
		pixels = `PERSONA_FACE_MODEL_PIXELS must be rgb or bgr and one of 0..255, 0..1 and -1..1, e.g. "bgr 0..255"`
		same   = "PERSONA_FACE_MODEL_SAME is not a similarity: it must lie between 0 and 1, e.g. 0.363"
		alone  = "PERSONA_FACE_MODEL is not set, but what belongs to it is: the path of an ONNX file"
	)
	for name, c := range map[string]struct {
		settings embedding.Settings
		want     []string
	}{
		"nothing":      {embedding.Settings{}, nil},
		"all":          {embedding.Settings{File: "x", Pixels: "bgr 0..1", Same: 0.3}, nil},
		"order":        {embedding.Settings{File: "x", Pixels: "grb 0..1"}, []string{pixels}},
		"range":        {embedding.Settings{File: "x", Pixels: "rgb"}, []string{pixels}},
		"negative":     {embedding.Settings{File: "x", Same: -0.1}, []string{same}},
		"one":          {embedding.Settings{File: "x", Same: 1}, []string{same}},
		"no number":    {embedding.Settings{File: "x", Same: math.NaN()}, []string{same}},
		"without file": {embedding.Settings{Same: 0.3}, []string{alone}},
	} {
		var got []string
		for _, err := range c.settings.Check() {
			got = append(got, err.Error())
		}
		require.Equal(t, c.want, got, name)
	}
}

func TestDescriber(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, data, 0o600))
		return path
	}
	good := onnxtest.Colours(32).Bytes()

	d, err := embedding.Settings{}.Describer()
	require.NoError(t, err)
	require.Equal(t, photo.Classical().Name(), d.Name())

	d, err = embedding.Settings{File: write("good.onnx", good)}.Describer()
	require.NoError(t, err)
	require.Contains(t, d.Name(), "onnx:")

	for name, c := range map[string]struct {
		settings embedding.Settings
		want     string
	}{
		"missing": {embedding.Settings{File: filepath.Join(dir, "hush")}, "PERSONA_FACE_MODEL: there is no such file"},
		"folder":  {embedding.Settings{File: dir}, "PERSONA_FACE_MODEL: the file cannot be read"},
		"text": {
			embedding.Settings{File: write("text", []byte("no face"))},
			"PERSONA_FACE_MODEL: the file cannot be used: it is not an ONNX file, or only a part of one",
		},
		"cut off": {
			embedding.Settings{File: write("half", good[:len(good)/2])},
			"PERSONA_FACE_MODEL: the file cannot be used: it is not an ONNX file, or only a part of one",
		},
		"operator": {
			embedding.Settings{File: write("lstm", new(onnxtest.File).Input("x", 1, 1, 3, 32, 32).Node("LSTM", []string{"x"}, "y").Output("y").Bytes())},
			"PERSONA_FACE_MODEL: the file cannot be used: it needs the operator LSTM, which is not supported",
		},
		"settings first": {
			embedding.Settings{File: filepath.Join(dir, "hush"), Same: 7},
			errors.Join(embedding.Settings{File: "x", Same: 7}.Check()...).Error(),
		},
	} {
		_, err := c.settings.Describer()
		require.EqualError(t, err, c.want, name)
		require.NotContains(t, err.Error(), "hush")
	}
}
