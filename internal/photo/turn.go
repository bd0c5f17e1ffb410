package photo

import (
	"bytes"

	"github.com/bep/imagemeta"
)

// turn is an EXIF orientation, 1 to 8: how the stored picture must be turned and mirrored to stand upright. The zero
// value is upright too.
type turn int

// swaps reports whether width and height change places.
func (t turn) swaps() bool { return t >= 5 && t <= 8 }

// toStored maps continuous upright coordinates to stored ones, for a stored picture of w by h pixels.
func (t turn) toStored(w, h float64) affine {
	switch t {
	case 2:
		return affine{-1, 0, w, 0, 1, 0}
	case 3:
		return affine{-1, 0, w, 0, -1, h}
	case 4:
		return affine{1, 0, 0, 0, -1, h}
	case 5:
		return affine{0, 1, 0, 1, 0, 0}
	case 6:
		return affine{0, 1, 0, -1, 0, h}
	case 7:
		return affine{0, -1, w, -1, 0, h}
	case 8:
		return affine{0, -1, w, 1, 0, 0}
	default:
		return affine{1, 0, 0, 0, 1, 0}
	}
}

// turnOf reads the orientation out of an EXIF block (a TIFF structure). Blocks from the wild are often broken: one
// that cannot be read, or that names an orientation that does not exist, counts as none.
func turnOf(exif []byte) (t turn) {
	if len(exif) > maxEXIF {
		return 0
	}
	defer func() {
		if recover() != nil {
			t = 0
		}
	}()
	// Nothing is done with the error: a block that breaks after the orientation was read still told it.
	_, _ = imagemeta.Decode(imagemeta.Options{
		R: bytes.NewReader(exif), ImageFormat: imagemeta.TIFF, Sources: imagemeta.EXIF,
		ShouldHandleTag: func(tag imagemeta.TagInfo) bool { return tag.Namespace == "IFD0" && tag.Tag == "Orientation" },
		HandleTag: func(tag imagemeta.TagInfo) error {
			if v, ok := tag.Value.(uint16); ok && v >= 1 && v <= 8 {
				t = turn(v)
			}
			return imagemeta.ErrStopWalking
		},
		LimitNumTags: 1000, LimitTagSize: 16,
	})
	return t
}
