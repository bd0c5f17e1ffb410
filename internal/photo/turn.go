package photo

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
