package photo

import "image"

// RawDescription describes the best face of an upright picture before what is common to all is taken out; nil without
// a face.
func RawDescription(img image.Image) Descriptor {
	pic := view(img)
	faces, _ := pic.closer(pic.overview(overviewSide))
	if len(faces) == 0 {
		return nil
	}
	return faces[0].aligned().rawDescription()
}

// CommonMean is the mean that is taken out of raw descriptions.
func CommonMean() []float32 { return known().mean }
