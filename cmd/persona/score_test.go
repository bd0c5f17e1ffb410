package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/sitter"
)

func TestScoreOfFilesThatAreNotPhotos(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string][]byte{"a.jpg": []byte("this is text, whatever its name says"), "b.jpg": nil})
	api := newFakeAPI(t, nil)
	code, out, said := api.persona(t, "score", filepath.Join(dir, "a.jpg"), filepath.Join(dir, "b.jpg"))
	require.Equal(t, exitFailed, code, said)
	require.Equal(t, ""+
		"NO  PHOTO  OVERALL  RESOLUTION  SHARPNESS  LIGHTING  FACE  SIZE  VERDICT\n"+
		"1   a.jpg  0        0           0          0         0     0x0   refused\n"+
		"2   b.jpg  0        0           0          0         0     0x0   refused\n"+
		"\n1  a.jpg\n  The file is not a JPEG or PNG picture. Save the photo as JPEG or PNG and send that file.\n"+
		"\n2  b.jpg\n  The file is empty. Choose the photo again; the upload may have been interrupted.\n"+
		"\n0 of 2 photos can be used.\n"+
		"\nWhat helps:\n  Add at least five more good photos; 5 are needed, and 10 to 20 are best.\n", out)
	require.Empty(t, api.seen, "nothing is sent")

	code, _, said = api.persona(t, "score", filepath.Join(dir, "c.jpg"))
	require.Equal(t, exitFailed, code)
	require.Contains(t, said, "there is no file")
}

func TestScoreAsJSON(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string][]byte{"tiny.jpg": smallJPEG()})
	code, out, said := newFakeAPI(t, nil).persona(t, "score", "-json", dir)
	require.Equal(t, exitFailed, code, said)
	var all scores
	require.NoError(t, json.Unmarshal([]byte(out), &all))
	require.Len(t, all.Photos, 1)
	require.False(t, all.Photos[0].Accepted)
	require.Equal(t, persona.VerdictRefuse, all.Photos[0].Verdict)
	require.Equal(t, 8, all.Photos[0].Width)
	require.Equal(t, 1, all.Set.Photos)
	require.Contains(t, out, `"code": "file_too_small"`)
	require.Contains(t, out, `"code": "resolution_too_low"`)
}

// A file over the limit is told its size without being decoded.
func TestScoreOfALargeFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "large.jpg")
	require.NoError(t, os.WriteFile(path, append(smallJPEG(), make([]byte, 11<<20)...), 0o600))
	code, out, _ := newFakeAPI(t, nil).persona(t, "score", path)
	require.Equal(t, exitFailed, code)
	require.Contains(t, out, "The file is too large (11.0 MB")
}

// One drawn portrait is enough here: what scores mean is tested beside the scoring itself.
func TestScoreOfAGoodPhoto(t *testing.T) {
	t.Parallel()
	drawn := filepath.Join(t.TempDir(), "sheet.png")
	portrait := sitter.New(4).Set(1, 1024)[0]
	dir := folder(t, map[string][]byte{"good.jpg": sitter.EncodePhoto(portrait)})
	code, out, said := newFakeAPI(t, nil).persona(t, "score", "-sheet", drawn, dir)
	require.Equal(t, exitOK, code, out+said)
	f, err := os.Open(drawn)
	require.NoError(t, err)
	sheet, err := png.DecodeConfig(f)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.Greater(t, sheet.Width, 600)

	code, _, said = newFakeAPI(t, nil).persona(t, "score", "-sheet", filepath.Join(dir, "none", "sheet.png"), dir)
	require.Equal(t, exitFailed, code)
	require.Contains(t, said, "cannot be written")
	require.Contains(t, out, "1024x1024  good")
	require.Contains(t, out, "\n1 of 1 photo can be used.\n")
}

// What only the photos together tell: two copies of one, and two people.
func TestScoreComparesThePhotos(t *testing.T) {
	t.Parallel()
	files := map[string][]byte{}
	heavy := png.Encoder{CompressionLevel: png.NoCompression} // 500 KB with few pixels to draw
	draw := func(name string, identity uint64, count int) {
		for i := range count {
			var b bytes.Buffer
			require.NoError(t, heavy.Encode(&b, sitter.New(identity).SetPortrait(i, 560).Image))
			files[fmt.Sprintf("%s%d.png", name, i)] = b.Bytes()
		}
	}
	draw("a", 3, 5)
	draw("b", 8, 4)
	files["c.png"] = files["a0.png"]
	code, out, said := newFakeAPI(t, nil).persona(t, "score", folder(t, files))
	require.Equal(t, exitFailed, code, out+said)
	require.Contains(t, out, "\n10  c.png\n  This is the same picture as photo 1. Add a different photo")
	require.Contains(t, out, "\n9 of 10 photos can be used.\n")
	for i := range 4 {
		require.Contains(t, out, fmt.Sprintf(
			"\n%d  b%d.png\n  note: The photos probably show two people; this one belongs to the smaller group. Check", 6+i, i))
	}
}
