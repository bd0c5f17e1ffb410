package photo

import (
	"fmt"
	"math"

	"github.com/inflio/persona/internal/dct"
	"github.com/inflio/persona/internal/persona"
)

// Memory of judging beside the decoded picture: the overview, its turned copies, tiles and chips of the faces, fields, and
// garbage of these. The crop's tile is at most twice as wide and high as the crop, and half as large again if the head is
// tilted.
const (
	workingBytes     = 24 << 20
	bytesPerCropSide = 16
)

// enoughPixels is the size from which a picture is decoded at a smaller size: more pixels add no detail of a face.
const enoughPixels = 50_000_000

// smallestSide is the longer side that a picture has after it was decoded at a smaller size: faces are searched for in an
// overview of overviewSide, and measured in a finer picture.
const smallestSide = 2 * overviewSide

// plan is the scale at which a file is decoded, and the memory that is acquired for it.
type plan struct {
	reduce int // factor of the finest scale: 1, 2 or 4
	bytes  int64
}

// planFor returns the plan of the finest scale that fits the policy's memory. If none fits, ok is false and the plan is
// that of the coarsest scale.
func planFor(h header, fileBytes int64, p persona.PhotoPolicy) (best plan, ok bool) {
	side := int64(max(p.CropSide, 0))
	more := fileBytes + workingBytes + bytesPerCropSide*side*side
	for reduce := 1; reduce <= smallestCoded; reduce *= 2 {
		if reduce > 1 && (!h.partial() || max(h.width, h.height)/reduce < smallestSide) {
			break
		}
		best = plan{reduce, h.decodedBytes(reduce) + more}
		if best.fits(p.MaxMemory) && (!h.partial() || int64(h.width)*int64(h.height) <= enoughPixels*int64(reduce*reduce)) {
			return best, true
		}
	}
	return best, best.fits(p.MaxMemory)
}

// fits reports whether the plan needs at most so many bytes. The sum may have overflowed, by an absurd CropSide.
func (p plan) fits(memory int64) bool { return p.bytes > 0 && p.bytes <= memory }

// tooLarge describes a plan that exceeds the policy's memory, for people.
func (h header) tooLarge(need plan, p persona.PhotoPolicy) string {
	return fmt.Sprintf("%.0f megapixels %s; they would take %s of memory, and %s are allowed",
		float64(h.width)*float64(h.height)/1e6, h.kind(), fileSize(need.bytes), fileSize(p.MaxMemory))
}

// kind describes how a picture is stored, for people.
func (h header) kind() string {
	switch {
	case h.format == FormatPNG && h.png.depth == 16:
		return "as a PNG of 16 bits a channel"
	case h.format == FormatPNG && h.png.interlaced:
		return "as an interlaced PNG"
	case h.format == FormatPNG:
		return "as a PNG"
	case h.jpeg.components > 3:
		return "in ink colours"
	case h.jpeg.progressive:
		return "as a progressive JPEG"
	default:
		return "as a JPEG"
	}
}

// partial reports whether parts of a file can be decoded, and at smaller sizes.
func (h header) partial() bool {
	return h.format == FormatJPEG && !h.jpeg.progressive && h.jpeg.scans <= 1 && h.jpeg.plain()
}

// decodedBytes is an upper bound of the memory for decoding, at most about twice the real peak.
func (h header) decodedBytes(reduce int) int64 {
	pixels := float64(h.width) * float64(h.height)
	if h.format == FormatPNG {
		return int64(pixels*h.png.bytesPerPixel()) + 1<<20
	}
	return int64(h.jpeg.decodedBytes(float64(h.width), float64(h.height), reduce, h.partial())) + 1<<20
}

// bytesPerPixel is what image/png allocates: the picture, and for an interlaced one the passes as well.
func (h pngHeader) bytesPerPixel() float64 {
	bytes := 1.0
	switch {
	case h.colour == 3: // palette
	case h.colour == 0 && !h.transparent:
	default:
		bytes = 4
	}
	if h.depth == 16 {
		bytes *= 2
	}
	if h.interlaced {
		bytes *= 2
	}
	return bytes
}

// decodedBytes is what the two decoders allocate. Units that extend beyond the picture count.
func (h jpegHeader) decodedBytes(width, height float64, reduce int, partial bool) float64 {
	across, down := 1, 1
	for _, s := range h.sampling {
		across, down = max(across, s[0]), max(down, s[1])
	}
	units := math.Ceil(width/float64(8*across)) * math.Ceil(height/float64(8*down))
	blocks := 0
	for _, s := range h.sampling {
		blocks += s[0] * s[1]
	}
	samples := units * float64(blocks*64)
	pixels := units * float64(across*down*64)
	if partial {
		// The quarter size, the position of each unit, and a part that may be the whole picture. At half size all channels
		// may have the same number of samples.
		part := samples
		if reduce > 1 {
			part = pixels * float64(h.components) / float64(reduce*reduce)
		}
		return samples/16 + 12*units + part
	}
	bytes := samples
	if h.progressive {
		bytes += 4 * samples // coefficients
	}
	if h.components > 3 {
		bytes += 5 * pixels
	} else if h.coloured() {
		bytes += 4 * pixels
	}
	return bytes
}

// coloured reports whether three channels may be red, green and blue.
func (h jpegHeader) coloured() bool {
	return h.components == 3 && (h.adobe && h.transform == 0 || h.ids[0] == 'R' && h.ids[1] == 'G' && h.ids[2] == 'B')
}

// plain reports whether the channels are luminance alone, or luminance and colour at one of the usual ratios.
func (h jpegHeader) plain() bool {
	if h.components == 1 {
		return true
	}
	one := [2]int{1, 1}
	if h.components != 3 || h.coloured() || h.sampling[1] != one || h.sampling[2] != one {
		return false
	}
	return dct.Samples(h.sampling[0][0], h.sampling[0][1])
}
