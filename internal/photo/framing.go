package photo

import "math"

// Where a head ends, in eye distances from the middle between the eyes along and across the head. Eyes 63 mm apart,
// crown 115 mm above them, chin 113 mm below, a head 150 mm wide (ISO/IEC TR 29196 and its sources: adults, mean).
const (
	crownAbove = 1.8
	chinBelow  = 1.75
	headHalf   = 1.2
	faceWidth  = 2.14
	// The part of the face that a model needs: brows to lower lip, outer corners of the eyes.
	browsAbove = 0.35
	lipsBelow  = 1.25
	eyesHalf   = 0.85
)

// frame measures how the head lies in a picture of w by h pixels. Boxes are turned with the head.
func (q *Quality) frame(f Face, w, h int) {
	ied := f.IED()
	q.EyeDistance = ied / math.Cos(clamp(f.Yaw, -60, 60)*math.Pi/180)
	q.FaceShare = faceWidth * q.EyeDistance / float64(min(w, h))
	q.HeadSize = (crownAbove + chinBelow) * q.EyeDistance / float64(h)
	q.HeadOutside = f.outside(w, h, q.EyeDistance, crownAbove, chinBelow, headHalf)
	q.FaceOutside = f.outside(w, h, q.EyeDistance, browsAbove, lipsBelow, eyesHalf)
}

// outside is the share of a box around the eyes that lies outside the picture; above, below and half are in units.
func (f Face) outside(w, h int, unit, above, below, half float64) float64 {
	mid := middle(f.Eyes[0], f.Eyes[1])
	sin, cos := math.Sincos(f.Roll * math.Pi / 180)
	const steps = 20
	out := 0
	for i := range steps {
		down := unit * (-above + (above+below)*(float64(i)+0.5)/steps)
		for k := range steps {
			across := unit * half * (2*(float64(k)+0.5)/steps - 1)
			x, y := mid.X+cos*across-sin*down, mid.Y+sin*across+cos*down
			if x < 0 || y < 0 || x > float64(w) || y > float64(h) {
				out++
			}
		}
	}
	return float64(out) / (steps * steps)
}

// besides measures the size and the distance of the largest other face.
func (q *Quality) besides(faces []seen) {
	main := faces[0]
	q.People = people(faces)
	for _, f := range faces[1:] {
		if share := f.IED() * f.IED() / (main.IED() * main.IED()); main.apart(f) && share > q.SecondFace {
			q.SecondFace = share
			q.SecondAway = distance(middle(main.Eyes[0], main.Eyes[1]), middle(f.Eyes[0], f.Eyes[1])) / main.IED()
		}
	}
}
