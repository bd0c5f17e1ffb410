package photo

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"io"
	"math"

	"github.com/gen2brain/jpegn"

	"github.com/inflio/persona/internal/persona"
)

// cropPadding is the guide's padding of the square around the face: a share of its side, added on every side.
const cropPadding = 0.2

// MaxPreparedSide is the largest side of a prepared picture, in pixels.
const MaxPreparedSide = 4096

// Light of a prepared face: a gamma from gammaLow to gammaTop moves the 95th percentile of its luma to wellLit. The mean
// cannot be used, because that would lighten dark skin. Photos that need a stronger gamma are refused before.
const (
	wellLit            = 205.0
	gammaLow, gammaTop = 0.70, 1.30
)

// Prepare draws the picture that is trained on: turned so that the eyes are level, cut to a square around the face with the
// guide's padding of 0.2, scaled to side pixels, with normalised light. Beyond the photo's edge its border is repeated. It
// fails without a clear face, or if side is outside 16 to 4096.
func (j *Judgement) Prepare(side int) (*image.RGBA, error) {
	if j.Descriptor == nil {
		return nil, errors.New("photo: nothing to prepare without a clear face")
	}
	if side < 16 || side > MaxPreparedSide {
		return nil, fmt.Errorf("photo: a side of %d pixels is outside 16 to %d", side, MaxPreparedSide)
	}
	eyes := PreparedEyes(side)
	m := similarity(eyes[0], eyes[1], j.Face.Eyes[0], j.Face.Eyes[1])
	low, high := corners(m, float64(side), float64(side))
	t := j.pic.tile(low, high, int(m.scale()))
	defer t.release()
	img := t.draw(m, side, side)
	normaliseLight(img, j.Quality.Highlights)
	return img, nil
}

// PreparedEyes are the positions of the eyes in a prepared picture of the given side.
func PreparedEyes(side int) [2]Point {
	s := float64(side)
	apart := s / (sidePerIED * (1 + 2*cropPadding))
	y := s * (0.5 - eyesAbove/(1+2*cropPadding))
	return [2]Point{{s/2 - apart/2, y}, {s/2 + apart/2, y}}
}

// corners is the bounding box of a rectangle of w by h mapped by m.
func corners(m affine, w, h float64) (low, high Point) {
	low, high = Point{math.Inf(1), math.Inf(1)}, Point{math.Inf(-1), math.Inf(-1)}
	for _, c := range [4]Point{{0, 0}, {w, 0}, {0, h}, {w, h}} {
		x, y := m.at(c.X, c.Y)
		low = Point{min(low.X, x), min(low.Y, y)}
		high = Point{max(high.X, x), max(high.Y, y)}
	}
	return low, high
}

func normaliseLight(img *image.RGBA, p95 float64) {
	gamma := clamp(math.Log(wellLit/255)/math.Log(clamp(p95, 1, 254)/255), gammaLow, gammaTop)
	var curve [256]uint8
	for i := range curve {
		curve[i] = uint8(math.Round(255 * math.Pow(float64(i)/255, gamma)))
	}
	for i := 0; i+3 < len(img.Pix); i += 4 {
		p := img.Pix[i : i+3 : i+3]
		p[0], p[1], p[2] = curve[p[0]], curve[p[1]], curve[p[2]]
	}
}

// jpegQuality of training pictures is high enough that no blocks are visible.
const jpegQuality = 95

// TrainingFiles returns the JPEG files that are trained on: the prepared picture, and p.Augment variants of it. The same
// photo gives the same bytes. If a fault of this program keeps a photo from being prepared, there are no files, and the
// photo gets the finding PhotoCannotBeJudged; make the Report afterwards. The error is that of Prepare.
func (j *Judgement) TrainingFiles(p persona.PhotoPolicy) ([][]byte, error) {
	var files [][]byte
	err := guard(j.Findings, func() error {
		crop, err := j.Prepare(p.CropSide)
		if err != nil {
			return err
		}
		for _, img := range append([]*image.RGBA{crop}, Augment(crop, j.seed, p.Augment)...) {
			var file bytes.Buffer
			if err := EncodeJPEG(&file, img, jpegQuality); err != nil {
				return err
			}
			files = append(files, file.Bytes())
		}
		return nil
	})
	if f, ok := errors.AsType[*fault](err); ok {
		j.Findings, j.Fault = f.findings, f.what
		return nil, nil
	}
	return files, err
}

// EncodeJPEG writes img as a baseline JPEG of the given quality, 1 to 100.
func EncodeJPEG(w io.Writer, img image.Image, quality int) error {
	return jpegn.Encode(w, img, &jpegn.EncodeOptions{Quality: min(max(quality, 1), 100)})
}
