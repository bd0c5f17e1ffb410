package photo

import "math"

// eye holds the measures of one eye of a chip. Lengths are in eye distances.
type eye struct {
	covered float64 // share of the skin above the eye that is much darker, brighter or of another colour than the cheek
	dark    float64 // share of the eye's box that is darker than half the cheek
	upright float64 // natural logarithm of the energy of upright over level edges
	ring    float64 // how much brighter it gets from the iris to the white at its sides, over the cheek
	tall    float64 // height of what is dark in the middle of the eye
}

// look measures both eyes: whether something hides them, and whether they are open.
func (q *Quality) lookAtEyes(f seen) {
	var both [2]eye
	for i, at := range chipEyes {
		both[i] = lookAtEye(f, at)
		q.EyesOpen[i] = eyeOpen.of(both[i].upright, both[i].iris(), min(both[i].tall, 0.2))
	}
	a, b := both[0], both[1]
	q.EyesDark = (a.dark + b.dark) / 2
	q.EyesHidden = eyesHidden.of(min(a.covered, b.covered), (a.iris()+b.iris())/2, min(a.dark, b.dark),
		min(f.scatter.corners, 0.08), min(f.scatter.pupils, 0.04))
}

func (e eye) iris() float64 { return math.Log(0.05 + e.ring) }

func lookAtEye(f seen, at Point) eye {
	g := f.grey
	box := func(x0, y0, x1, y1 float64) patch {
		return patch{int(at.X + x0*chipIED), int(at.Y + y0*chipIED), int(at.X + x1*chipIED), int(at.Y + y1*chipIED)}
	}
	cheek := box(-0.25, 0.42, 0.25, 0.75)
	skin := max(cheek.median(g), 1)
	ca, cb := cheek.colour(f.chip)
	var e eye

	lid := box(-0.25, -0.2, 0.25, -0.12)
	e.covered = lid.share(func(x, y int) bool {
		px := f.chip.Pix[y*f.chip.Stride+4*x:]
		a, b := lab(px[0], px[1], px[2])
		v := float64(g.pix[y*g.w+x])
		return v < 0.6*skin || v > 1.6*skin || math.Hypot(a-ca, b-cb) > 14
	})
	e.dark = box(-0.3, -0.15, 0.3, 0.25).share(func(x, y int) bool { return float64(g.pix[y*g.w+x]) < skin/2 })
	e.upright = upright(g, at)
	e.tall = tall(g, at, skin)
	e.ring = ring(g, at) / skin
	return e
}

// upright compares edges: an open eye has the sides of iris and white, a closed one only the lines of lids and lashes.
func upright(g plane, at Point) float64 {
	var across, down float64
	cx, cy := int(at.X), int(at.Y+0.04*chipIED)
	for y := cy - 7; y <= cy+7; y++ {
		for x := cx - 12; x <= cx+12; x++ {
			i := y*g.w + x
			h, v := float64(g.pix[i+2])-float64(g.pix[i-2]), float64(g.pix[i+2*g.w])-float64(g.pix[i-2*g.w])
			across, down = across+h*h, down+v*v
		}
	}
	return math.Log((across + 1) / (down + 1))
}

// tall is the height of the dark part around the darkest row in the middle of the eye: iris and lashes, or lashes only.
func tall(g plane, at Point, skin float64) float64 {
	row := func(dy int) float64 {
		var sum float64
		for _, v := range g.pix[(int(at.Y)+dy)*g.w+int(at.X)-4:][:9] {
			sum += float64(v)
		}
		return sum / 9
	}
	best := -8
	for dy := -7; dy <= 8; dy++ {
		if row(dy) < row(best) {
			best = dy
		}
	}
	limit := row(best) + 0.45*(skin-row(best))
	up, down := 0, 0
	for up < 16 && row(best-up-1) < limit {
		up++
	}
	for down < 16 && row(best+down+1) < limit {
		down++
	}
	return float64(up+down+1) / chipIED
}

// ring is the largest mean step outwards across the left and right arc of a circle near the pupil (after Daugman 1993).
func ring(g plane, at Point) float64 {
	best := 0.0
	for cy := -4.0; cy <= 4; cy += 2 {
		for cx := -4.0; cx <= 4; cx += 2 {
			var sums [8]float64 // by radius, 3.5 to 10.5
			for i := range sums {
				for _, arc := range arcs {
					sums[i] += float64(g.nearest(at.X+cx+arc.X*(3.5+float64(i)), at.Y+cy+arc.Y*(3.5+float64(i))))
				}
			}
			for i := range 5 {
				best = max(best, (sums[i+3]-sums[i])/float64(len(arcs)))
			}
		}
	}
	return best
}

// arcs are directions to the left and to the right, up to 39 degrees off level: lids do not cover the iris there.
var arcs = func() (out []Point) {
	for k := -3; k <= 3; k++ {
		sin, cos := math.Sincos(float64(k) * math.Pi / 14)
		out = append(out, Point{cos, sin}, Point{-cos, sin})
	}
	return out
}()

func (g plane) nearest(x, y float64) uint8 { return g.pix[int(y)*g.w+int(x)] }
