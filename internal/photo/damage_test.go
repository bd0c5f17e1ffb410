package photo_test

import (
	"bytes"
	"testing"

	"github.com/gen2brain/jpegn"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
)

// Each file still begins and ends as it should: only the pixels tell that something is wrong.
func TestDecodeNoticesDamageThatDecodersConceal(t *testing.T) {
	t.Parallel()
	img := portrait(3, nil).Image
	for stored, o := range map[string]jpegn.EncodeOptions{
		"baseline": {}, "full colour": {Subsampling: jpegn.Subsample444}, "with restarts": {RestartInterval: 12},
		"progressive": {Progressive: true},
	} {
		whole := encodeJPEG(t, img, o)
		middle := len(whole) / 2
		for damage, data := range map[string][]byte{
			"the rest is missing":   append(bytes.Clone(whole[:middle]), 0xFF, 0xD9),
			"the rest is zeros":     append(append(bytes.Clone(whole[:middle]), make([]byte, len(whole)-middle-2)...), 0xFF, 0xD9),
			"the middle is missing": append(bytes.Clone(whole[:middle-3000]), whole[middle+3000:]...),
		} {
			if o.Progressive && damage == "the rest is zeros" {
				continue // zeros are sound codes of the later scans, and only fine detail is lost
			}
			t.Run(stored+", "+damage, func(t *testing.T) {
				t.Parallel()
				_, err := photo.Decode(data, smallPolicy())
				var e *persona.Error
				require.ErrorAs(t, err, &e)
				require.Equal(t, []persona.PhotoCode{persona.PhotoDamaged}, codes(e.Photos[0].Findings))
			})
		}
	}
}

func TestDecodeTakesAnEvenEndForWhatItIs(t *testing.T) {
	t.Parallel()
	img := ramp(300, 300)
	for y := 200; y < 300; y++ {
		clear(img.Pix[y*img.Stride:][:4*300])
		for x := range 300 {
			img.Pix[y*img.Stride+4*x+3] = 0xFF
		}
	}
	for _, o := range []jpegn.EncodeOptions{{}, {RestartInterval: 5}, {Progressive: true}} {
		got, err := photo.Decode(encodeJPEG(t, img, o), smallPolicy())
		require.NoError(t, err, "a black border is no damage")
		near(t, img, got, 12)
	}
}
