package sitter_test

import (
	"bytes"
	"encoding/binary"
	"image/jpeg"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/sitter"
)

func fault(t *testing.T, name string) sitter.Fault {
	t.Helper()
	for _, f := range sitter.Faults() {
		if f.Name == name {
			return f
		}
	}
	require.Fail(t, "no such fault", name)
	return sitter.Fault{}
}

func TestFaultsHaveNamesOfTheirOwn(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, f := range sitter.Faults() {
		require.NotEmpty(t, f.Code)
		require.Contains(t, f.Name, f.Code)
		require.False(t, seen[f.Name], f.Name)
		seen[f.Name] = true
	}
}

// notDrawn are the codes that no drawn photo can have, and why.
var notDrawn = map[persona.PhotoCode]string{
	persona.PhotoUnreachable:    "there is no file: the address does not answer",
	persona.PhotoCannotBeJudged: "a fault of the program, not of the photo",
	persona.PhotoNotAmongBest:   "a good photo among more than are used",
	persona.PhotoProbablyTwoSet: "needs two photos or more of a second person: draw two sets",
}

func TestEveryCodeIsDrawn(t *testing.T) {
	t.Parallel()
	var drawn, codes []persona.PhotoCode
	for _, f := range sitter.Faults() {
		drawn = append(drawn, persona.PhotoCode(f.Code))
	}
	for _, advice := range persona.PhotoCodes() {
		codes = append(codes, advice.Code)
		if reason := notDrawn[advice.Code]; reason != "" {
			require.NotContains(t, drawn, advice.Code, "it is drawn, so it can be: %s", reason)
			continue
		}
		require.Contains(t, drawn, advice.Code, "no fault of Faults has this code, and notDrawn gives no reason")
	}
	require.Subset(t, codes, drawn, "a fault of a code that does not exist")
	for code := range notDrawn {
		require.Contains(t, codes, code, "a reason for a code that does not exist")
	}
}

func TestEveryFaultHasAPictureOfItsOwn(t *testing.T) {
	t.Parallel()
	drawn := map[string]string{}
	for _, f := range sitter.Faults() {
		pixels := string(f.Portrait(4, 48).Image.Pix)
		if f.Code != "duplicate" {
			require.Empty(t, drawn[pixels], f.Name)
		}
		drawn[pixels] = f.Name
	}
}

func TestTooOldCarriesItsDate(t *testing.T) {
	t.Parallel()
	data := fault(t, "too_old").Draw(3)
	_, err := jpeg.Decode(bytes.NewReader(data))
	require.NoError(t, err)
	at := bytes.Index(data, []byte("Exif\x00\x00"))
	require.Equal(t, 6, at, "the first segment")
	tiff, le := data[at+6:], binary.LittleEndian
	directory := tiff[le.Uint32(tiff[4:]):]
	require.Equal(t, uint16(0x8769), le.Uint16(directory[2:]))
	exif := tiff[le.Uint32(directory[10:]):]
	require.Equal(t, uint16(0x9003), le.Uint16(exif[2:]))
	length, text := le.Uint32(exif[6:]), le.Uint32(exif[10:])
	require.Equal(t, "2009:07:04 15:30:00\x00", string(tiff[text:text+length]))
}

func TestDuplicatesAreTheSamePictureInTwoFiles(t *testing.T) {
	t.Parallel()
	one, two := fault(t, "duplicate-1"), fault(t, "duplicate-2")
	require.Equal(t, one.Portrait(4, 96).Image.Pix, two.Portrait(4, 96).Image.Pix)
	require.NotEqual(t, one.Draw(4), two.Draw(4))
}

func TestSomebodyElseIsDrawnForUnlikeTheOthers(t *testing.T) {
	t.Parallel()
	skin := func(p sitter.Portrait) float64 {
		x, y := int(p.Face[0]+p.Face[2]/2), int(p.Face[1]+0.15*p.Face[3]) // the forehead
		return luma(p.Image, x, y)
	}
	own, another := skin(fault(t, "duplicate-1").Portrait(4, 96)), skin(fault(t, "unlike_the_others").Portrait(4, 96))
	require.Greater(t, math.Abs(own-another), 30.0)
}
