package facemodel

import (
	"crypto/sha256"
	"image"
	"math"
	"slices"

	"github.com/inflio/persona/internal/photo"
)

// face is the face of a training picture.
type face struct {
	picture *image.RGBA
	place   similarity // from the frame to the picture
	shape   shape
	thumb   []float64         // the frame at a low resolution, for finding copies of a photo
	digest  [sha256.Size]byte // of the picture's pixels
}

// findFace returns the main face of a picture; nil if there is none.
func findFace(img image.Image) *face {
	found := photo.FindFaces(img)
	if len(found) == 0 {
		return nil
	}
	best, marks := found[0], found[0].Landmarks
	spot := func(p photo.Point) point { return point{p.X, p.Y} }
	eyes := [2]point{spot(best.Eyes[0]), spot(best.Eyes[1])}
	if eyes[0] == eyes[1] {
		return nil
	}
	into := align(eyes, frameEyes())
	f := &face{picture: toRGBA(img), place: align(frameEyes(), eyes)}
	f.shape = shape{frameEyes()[0], frameEyes()[1]}
	for i, at := range [...]int{photo.NoseTip, photo.MouthLeft, photo.MouthRight, photo.UpperLip, photo.LowerLip, photo.BrowMiddleLeft, photo.BrowMiddleRight} {
		f.shape[nose+i] = into.at(spot(marks[at]))
	}
	f.thumb = thumbnail(f.picture, f.place.at)
	f.digest = sha256.Sum256(f.picture.Pix)
	return f
}

const thumbSide = 32

// thumbnail is the frame's luma at 32 x 32, with mean 0 and length 1.
func thumbnail(img *image.RGBA, toPicture func(point) point) []float64 {
	const fine = 4 // readings per side of a thumbnail's pixel
	t := make([]float64, thumbSide*thumbSide)
	mean := 0.0
	for y := range thumbSide * fine {
		for x := range thumbSide * fine {
			const step = side / float64(thumbSide*fine)
			r, g, b := bilinear(img, toPicture(point{(float64(x) + 0.5) * step, (float64(y) + 0.5) * step}))
			luma, _, _ := toYCbCr(r, g, b)
			t[y/fine*thumbSide+x/fine] += luma
			mean += luma / (thumbSide * thumbSide)
		}
	}
	for i := range t {
		t[i] -= mean
	}
	return unit(t)
}

func unit(v []float64) []float64 {
	sum := 1e-12
	for _, x := range v {
		sum += x * x
	}
	k := 1 / math.Sqrt(sum)
	for i := range v {
		v[i] *= k
	}
	return v
}

func flipped(thumb []float64) []float64 {
	out := slices.Clone(thumb)
	for row := range slices.Chunk(out, thumbSide) {
		slices.Reverse(row)
	}
	return out
}

// overlap is the best correlation of two thumbnails when one is moved by up to a pixel in each direction, because the eyes
// are found in a slightly different place in an augmented copy.
func overlap(a, b []float64) float64 {
	best := -1.0
	for dy := -1; dy <= 1; dy++ {
		for dx := -1; dx <= 1; dx++ {
			var ab, aa, bb float64
			for y := 1; y < thumbSide-1; y++ {
				for x := 1; x < thumbSide-1; x++ {
					p, q := a[y*thumbSide+x], b[(y+dy)*thumbSide+x+dx]
					ab, aa, bb = ab+p*q, aa+p*p, bb+q*q
				}
			}
			best = max(best, ab/math.Sqrt(aa*bb+1e-12))
		}
	}
	return best
}

// copyLikeness is the overlap from which two pictures are copies of one photo. The frame and the normalisation undo
// brightness, contrast, rotation and crop: of augmented copies about 1 % have less, where the eyes were found wrongly, and
// different photos of drawn people have at most .93.
const copyLikeness = 0.95

// distinct keeps the first of each group of augmented copies. Its landmarks become the mean of those found in the copies,
// which is more exact.
func distinct(faces []*face) []*face {
	var kept []*face
	votes := map[*face][]shape{}
	for _, f := range faces {
		mirror := flipped(f.thumb)
		at := slices.IndexFunc(kept, func(k *face) bool {
			return max(overlap(k.thumb, f.thumb), overlap(k.thumb, mirror)) > copyLikeness
		})
		if at < 0 {
			kept = append(kept, f)
			votes[f] = []shape{f.shape}
			continue
		}
		s := f.shape
		if overlap(kept[at].thumb, mirror) > overlap(kept[at].thumb, f.thumb) {
			s = s.mirrored()
		}
		votes[kept[at]] = append(votes[kept[at]], s)
	}
	for _, f := range kept {
		f.shape = average(votes[f])
	}
	return kept
}

func average(shapes []shape) (mean shape) {
	for _, s := range shapes {
		for i, p := range s {
			mean[i].x += p.x / float64(len(shapes))
			mean[i].y += p.y / float64(len(shapes))
		}
	}
	return mean
}
