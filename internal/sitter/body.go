package sitter

import "math"

// Heights below the eyes, in eye distances, of somebody 172 cm tall whose eyes are 160 cm above the ground.
const (
	neckBase = 2.08 // where the clothes begin
	armsFrom = 3.6  // what a picture must show below the eyes for the arms to be seen
	elbow    = 7.6
	wrist    = 11.2
	hips     = 11.6
	ground   = 25.2
)

func (s *shape) neck() *mesh {
	return newMesh(partNeck, 30, 60, false, func(v, u float64) vec {
		y := mix(0.7, 3.4, v)
		b := 2 * math.Pi * u
		wide := (s.width*0.66 + 0.6*s.jaw) * (1 + 0.5*step(1.9, 3, y))
		deep := 0.74 + 0.12*step(1.6, 3, y)
		return vec{wide * math.Cos(b), y, -0.42 + deep*math.Sin(b)}
	})
}

// shoulders is half the width between the shoulders, arms included.
func (s *shape) shoulders() float64 { return max(2.8, min(3.6, 2.95+2.6*(s.jaw+s.chinWidth))) }

func (s *shape) torso() *mesh {
	shoulders := s.shoulders()
	return newMesh(partTorso, s.points(70), s.points(90), false, func(v, u float64) vec {
		y := neckBase + (hips+0.3-neckBase)*v*v
		b := 2 * math.Pi * u
		drop := y - neckBase
		wide := 0.86 + (shoulders-0.86)*math.Pow(step(0, 1.75, drop), 0.8)
		wide *= mix(1, 0.74, step(1.6, 5.5, drop)) // the waist
		wide *= mix(1, 1.1, step(6, 9, drop))
		deep := 0.72 + 0.6*step(0, 1.9, drop) - 0.1*step(3, 6, drop)
		c, si := math.Cos(b), math.Sin(b)
		return vec{
			wide * math.Copysign(math.Pow(math.Abs(c), 0.85), c), y,
			-0.5 + deep*math.Copysign(math.Pow(math.Abs(si), 0.85), si),
		}
	})
}

// limbs are arms that hang down, and legs: what is seen from some distance.
func (f *figure) limbs() []*mesh {
	var out []*mesh
	reach := f.shoulders() - 0.55
	for _, side := range [2]float64{-1, 1} {
		at := func(x, y, z float64) vec { return vec{side * x, y, z} }
		sleeve := []vec{
			at(reach-0.1, neckBase+1.2, -0.5), at(reach+0.12, 4.6, -0.6), at(reach+0.32, elbow, -0.75),
			at(reach+0.36, 9.2, -0.45), at(reach+0.22, wrist+0.1, -0.15),
		}
		thick := []float64{0.72, 0.68, 0.54, 0.46, 0.36}
		if f.outfit.kind == 0 {
			out = append(out, tube(partArm, sleeve[1:], thick[1:], 0.9))
			sleeve, thick = sleeve[:3], []float64{0.72, 0.71, 0.66}
		}
		out = append(out,
			tube(partTorso, sleeve, thick, 0.95),
			tube(partArm, []vec{at(reach+0.24, wrist-0.3, -0.2), at(reach+0.16, wrist+0.7, -0.05), at(reach, wrist+1.9, 0.1)}, []float64{0.28, 0.4, 0.24}, 0.55),
			tube(partLegs, []vec{at(1.02, hips-1, -0.5), at(1.1, 15, -0.45), at(1.15, 18.5, -0.4), at(1.2, 21, -0.55), at(1.25, ground-0.8, -0.6)},
				[]float64{1.12, 1.02, 0.72, 0.7, 0.55}, 0.95),
			tube(partLegs, []vec{at(1.25, ground-0.5, -0.9), at(1.3, ground-0.3, 0.2), at(1.4, ground-0.25, 1.2)}, []float64{0.5, 0.48, 0.3}, 0.9),
		)
	}
	return out
}

// trousers are jeans or cloth, and dark shoes.
func (f *figure) trousers(p vec) surface {
	r := newRandom(uint64(f.outfit.seed), 0x7e9)
	c := colourOf(r, 0x2b3a55, 0x24262b, 0x3d3f45, 0x6b6252, 0x44597a)
	if p.y > ground-0.85 {
		c = srgb(0x241c17)
	}
	creases := noise2(p.x*2.1+0.3*p.y, p.y*0.9, f.outfit.seed^7)
	return surface{colour: c.scale(1 + 0.12*creases), wrap: vec{0.15, 0.15, 0.15}, hollow: 0.2 + 0.1*max(0, -creases)}
}
