package photo

import (
	"image"
	"math"
)

// closedLips is the distance of the landmarks of the upper and the lower lip when the mouth is closed, in eye distances:
// the median of faces whose lips touch.
const closedLips = 0.25

// lookAtMouth measures the mouth, and whether something hides it. It needs the results of measureChip.
func (q *Quality) lookAtMouth(f seen) {
	upper, lower := f.inChip(UpperLip), f.inChip(LowerLip)
	q.MouthOpen = max(0, (lower.Y-upper.Y)/chipIED-closedLips)
	q.MouthWidth = distance(f.inChip(MouthLeft), f.inChip(MouthRight)) / chipIED
	q.FaceCovered = faceCovered.of(f.scatter.mouth, f.scatter.nose, min(q.LowerColour, 25), min(redLips(f), 8),
		min(q.MouthLine, 0.3))
}

// lowerColour is the distance in CIELAB a and b between the skin under the eyes and the face around the mouth.
func lowerColour(chip *image.RGBA) float64 {
	ua, ub := facePatch(-0.75, 0.25, 0.75, 0.38).colour(chip)
	la, lb := facePatch(-0.55, 0.85, 0.55, 1.35).colour(chip)
	return math.Hypot(ua-la, ub-lb)
}

// inChip is where a landmark lies in the chip.
func (f Face) inChip(landmark int) Point {
	m := similarity(f.Eyes[0], f.Eyes[1], chipEyes[0], chipEyes[1])
	x, y := m.at(f.Landmarks[landmark].X, f.Landmarks[landmark].Y)
	return Point{x, y}
}

// mouthLine is how much darker than its surroundings the darkest level line around the mouth is, over the skin under
// the eyes. A mask has no line between lips: by this measure alone, masks and bare faces separate with an AUC
// of .92.
func mouthLine(g plane) float64 {
	first, last := int(chipEyeY+0.8*chipIED), int(chipEyeY+1.3*chipIED)
	const apart = 7 // pixels: above and below the line are lips
	light := func(y int) (mean float64) {
		for _, v := range g.pix[y*g.w+chipWidth/2-20:][:41] {
			mean += float64(v) / 41
		}
		return mean
	}
	best := 0.0
	for y := first; y < last; y++ {
		best = max(best, min(light(y-apart), light(y+apart))-light(y))
	}
	return best / (facePatch(-0.6, 0.3, 0.6, 0.45).median(g) + 1)
}

// redLips is how much redder the mouth is than the skin above and below it, CIELAB a.
func redLips(f seen) float64 {
	lips, _ := facePatch(-0.25, 0.95, 0.25, 1.2).colour(f.chip)
	above, _ := facePatch(-0.5, 0.72, 0.5, 0.85).colour(f.chip)
	below, _ := facePatch(-0.4, 1.3, 0.4, 1.45).colour(f.chip)
	return lips - (above+below)/2
}
