package photo_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
)

// The pictures of these files are broken: a file that was decoded would be called damaged.
func TestAFileThatItsHeaderRefusesIsNotDecoded(t *testing.T) {
	t.Parallel()
	broken := map[string][]byte{
		"png":         hugePNG(700, 600),
		"jpeg":        flatJPEG{w: 700, h: 600, broken: true}.encode(),
		"progressive": flatJPEG{w: 700, h: 600, progressive: true, broken: true}.encode(),
	}
	for _, c := range []struct {
		name   string
		change func(p *persona.PhotoPolicy, size int64)
		code   persona.PhotoCode
	}{
		{"not refused", func(*persona.PhotoPolicy, int64) {}, persona.PhotoDamaged},
		{"too small a file", func(p *persona.PhotoPolicy, size int64) { p.MinBytes = size + 1 }, persona.PhotoTooSmallFile},
		{"too large a file", func(p *persona.PhotoPolicy, size int64) { p.MaxBytes = size - 1 }, persona.PhotoTooLargeFile},
		{"too few pixels", func(p *persona.PhotoPolicy, _ int64) { p.MinSide = 601 }, persona.PhotoTooFewPixels},
		{"too many pixels", func(p *persona.PhotoPolicy, _ int64) { p.MaxPixels = 700*600 - 1 }, persona.PhotoTooManyPixels},
		{"too much memory", func(p *persona.PhotoPolicy, _ int64) { p.MaxMemory = 1 << 20 }, persona.PhotoTooManyPixels},
	} {
		for kind, data := range broken {
			t.Run(c.name+" "+kind, func(t *testing.T) {
				t.Parallel()
				p := smallPolicy()
				c.change(&p, int64(len(data)))
				judge := photo.NewJudge(p, nil)
				j, err := judge.Bytes(t.Context(), data, time.Time{})
				require.NoError(t, err)
				require.Equal(t, []persona.PhotoCode{c.code}, codes(j.Findings))
				require.Equal(t, [2]int{700, 600}, [2]int{j.Width, j.Height})
				require.False(t, j.Decoded())
				require.Empty(t, j.Fault)

				j, err = judge.File(t.Context(), bytes.NewReader(data), time.Time{})
				require.NoError(t, err)
				require.Equal(t, []persona.PhotoCode{c.code}, codes(j.Findings))
			})
		}
	}
}

// What the product itself generates is measured whatever it weighs.
func TestPhotoMeasuresSmallFiles(t *testing.T) {
	t.Parallel()
	p := smallPolicy()
	p.MinBytes = persona.DefaultPhotoPolicy().MinBytes
	j, err := photo.NewJudge(p, nil).Photo(t.Context(), encodePhoto(t, portrait(3, nil).Image), time.Time{})
	require.NoError(t, err)
	defer j.Close()
	require.Equal(t, 1, j.Faces)
	require.NotEmpty(t, j.Descriptor)
}

// Each scan of a progressive file costs a walk over the picture, however little it sends.
func TestAFileOfManyScansIsRefusedByItsHeader(t *testing.T) {
	t.Parallel()
	for scans, want := range map[int][]persona.PhotoCode{
		10: {}, 31: {}, 32: {persona.PhotoDamaged}, 97: {persona.PhotoDamaged},
	} {
		data := flatJPEG{w: 600, h: 600, progressive: true, scans: scans}.encode()
		require.Equal(t, want, codes(inspect(data, smallPolicy(), len(data)).Findings), "%d scans", scans)
	}
}
