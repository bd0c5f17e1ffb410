package sitter

import "math"

// Features is the truth about one person in a picture. Points are in pixels, x to the right and y down from the top
// left corner; they may lie outside the picture.
type Features struct {
	Eyes  [2][2]float64 // the eye centres: the one further left in an upright head first
	Nose  [2]float64    // the tip
	Mouth [4][2]float64 // left and right corner, middle of the upper and of the lower lip
	Brows [2][2]float64 // the middles of the eyebrows, in the order of the eyes
	Chin  [2]float64    // the lowest point of the chin, along the axis of the face
	Crown [2]float64    // the highest point of the head with hair or hat, along the axis of the face
	Face  [4]float64    // x, y, width, height of the box from brow to chin and from side to side
	Head  [4]float64    // x, y, width, height of the box from the hair or hat to the chin; hanging hair is left out

	Roll, Yaw, Pitch float64 // degrees, as in the pose
	EyesOpen         float64 // 0 to 1, as in the pose
	MouthOpen        float64 // 0 to 1, as in the pose
	LipGap           float64 // height of the gap between the lips in eye distances: 0.15 in a laugh
}

// EyeDistance is the distance between the eyes in pixels.
func (f Features) EyeDistance() float64 {
	return math.Hypot(f.Eyes[1][0]-f.Eyes[0][0], f.Eyes[1][1]-f.Eyes[0][1])
}

// moved is the truth after the picture was placed at x, y of a larger one.
func (f Features) moved(x, y float64) Features {
	points := []*[2]float64{&f.Nose, &f.Chin, &f.Crown}
	for i := range f.Eyes {
		points = append(points, &f.Eyes[i], &f.Brows[i])
	}
	for i := range f.Mouth {
		points = append(points, &f.Mouth[i])
	}
	for _, p := range points {
		p[0], p[1] = p[0]+x, p[1]+y
	}
	for _, box := range []*[4]float64{&f.Face, &f.Head} {
		box[0], box[1] = box[0]+x, box[1]+y
	}
	return f
}

// features computes the positions of a person's features in the picture.
func (sc *scene) features(f *figure) Features {
	at := func(x, y float64) (pixel [2]float64) {
		pixel[0], pixel[1], _ = sc.screen(f.view(partHead, f.surface(x, y)))
		return pixel
	}
	wide := f.mouthHalf()
	upper, lower := f.lipEdges(0)
	out := Features{
		Eyes:  [2][2]float64{at(-f.eyeGap, 0), at(f.eyeGap, 0)},
		Brows: [2][2]float64{at(-f.eyeGap, f.browLine(0)), at(f.eyeGap, f.browLine(0))},
		Nose:  at(0, f.noseLength),
		Mouth: [4][2]float64{
			at(-wide, f.mouthLine(wide)), at(wide, f.mouthLine(wide)),
			at(0, upper-0.5*f.lipUpper), at(0, lower+0.5*f.lipLower),
		},
		Roll: f.pose.Roll, Yaw: f.pose.Yaw, Pitch: f.pose.Pitch,
		EyesOpen: f.open, MouthOpen: f.mouthOpen, LipGap: lower - upper,
	}
	down := vec{0, 1, 0}
	if f.pose.Roll != 0 {
		down = turn(0, 0, f.pose.Roll).apply(down)
	}
	face, head := newBox(), newBox()
	lowest, highest := math.Inf(-1), math.Inf(1)
	for _, m := range f.meshes {
		if m.part != partHead && m.part != partHair && m.part != partHat {
			continue
		}
		for _, p := range m.pos {
			x, y, _ := sc.screen(f.view(m.part, p))
			head.add(x, y)
			along := x*down.x + y*down.y
			if along < highest {
				highest, out.Crown = along, [2]float64{x, y}
			}
			if m.part != partHead || p.z < 0.05 || p.y < -0.62 {
				continue
			}
			face.add(x, y)
			if along > lowest && math.Abs(p.x) < 0.2 {
				lowest, out.Chin = along, [2]float64{x, y}
			}
		}
	}
	out.Face, out.Head = face.rectangle(), head.rectangle()
	return out
}

// box grows around points.
type box struct{ x0, y0, x1, y1 float64 }

func newBox() box { return box{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)} }

func (b *box) add(x, y float64) {
	b.x0, b.y0, b.x1, b.y1 = min(b.x0, x), min(b.y0, y), max(b.x1, x), max(b.y1, y)
}

func (b *box) rectangle() [4]float64 { return [4]float64{b.x0, b.y0, b.x1 - b.x0, b.y1 - b.y0} }
