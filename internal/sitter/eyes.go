package sitter

import "math"

// eye paints lids, lashes, white, iris and glint, and returns the normal of the ball where it shows.
func (s *shape) eye(out *surface, x, y float64, n vec) vec {
	sign := math.Copysign(1, x)
	ex, ey := math.Abs(x)-s.eyeGap, y // ex grows towards the temple
	if math.Abs(ex) > 0.45 || ey < -0.3 || ey > 0.25 {
		return n
	}
	open := max(0, min(1, s.open)) * (1 - 0.25*s.smile*s.smile)
	q := ex / s.eyeWidth
	along := math.Max(0, 1-q*q)
	slant := -s.eyeTilt * ex
	top := slant - s.eyeHeight*(0.08+0.92*open)*math.Pow(along, 0.62)*(1-0.10*q) + 0.02
	low := slant + s.eyeHeight*0.50*math.Pow(along, 0.8)*(1+0.12*q) + 0.02
	top = min(top+(1-open)*s.eyeHeight*0.45*along, low)
	inside := math.Abs(q) < 1 && ey > top && ey < low

	// The fold of the upper lid and the bag under the lower one.
	fold := bump(ey-(top-s.lidFold-0.012), ex, 0.014, s.eyeWidth*0.85) * open
	bag := bump(ey-(low+0.075), ex, 0.02, s.eyeWidth*0.7) * (0.25 + 0.5*s.age + 0.4*s.smile)
	out.hollow += 0.45*fold + 0.3*bag
	out.colour = out.colour.scale(1 - 0.38*fold - 0.12*bag)
	if math.Abs(q) < 1.12 && ey > top-s.lidFold && ey <= top {
		out.colour = out.colour.scale(0.93)
	}

	if inside {
		n = s.ball(out, sign, ex, ey, top, low, q)
	}
	s.lashes(out, ex, ey, top, low, q)
	return n
}

func (s *shape) ball(out *surface, sign, ex, ey, top, low, q float64) vec {
	gaze := -0.0022 * s.yaw * sign // the eyes stay near the camera when the head turns
	ix, iy := ex-max(-0.06, min(0.06, gaze)), ey+0.018
	r := math.Hypot(ix, iy)
	const iris, pupil = 0.098, 0.040
	white := srgb(0xe6e0da).scale(0.55) // it lies in the shade of brow and lashes
	white = white.times(vec{1, 0.9, 0.88}.mix(vec{1, 1, 1}, step(1, 0.6, math.Abs(q))))
	c := white
	if r < iris+0.012 {
		a := math.Atan2(iy, ix)
		rays := 0.28*noise2(a*9, r*22, s.seed^71) + 0.2*noise2(a*22, r*30, s.seed^72)
		col := s.iris.scale(1.15 + rays + 0.5*step(iris*0.3, iris*0.8, r)*(0.5+0.5*iy/iris))
		col = col.mix(s.iris.scale(0.25), step(iris*0.80, iris, r))
		col = col.mix(vec{0.004, 0.004, 0.005}, step(pupil+0.008, pupil-0.004, r))
		c = white.mix(col, step(iris+0.012, iris-0.006, r))
	}
	shade := 1 - 0.5*step(0.055, 0, ey-top) // the upper lid's shadow
	shade *= 1 - 0.25*step(0.03, 0, low-ey)
	shade *= 1 - 0.25*step(0.6, 1, math.Abs(q))
	caruncle := step(-0.80, -0.97, q)
	c = c.mix(s.lips.scale(0.9), 0.7*caruncle)
	out.colour = c.scale(shade)
	out.shine, out.hollow, out.noCast = 0, 0.1, true
	gx, gy := ex*sign-s.glintX*0.045, ey+0.018+0.045
	if g := math.Hypot(gx, gy*1.1); g < 0.026 {
		out.colour = out.colour.mix(vec{1.6, 1.6, 1.6}, step(0.026, 0.012, g))
	}
	return vec{0.6 * ex * sign, 0.5 * ey, 1}.unit()
}

func (s *shape) lashes(out *surface, ex, ey, top, low, q float64) {
	if math.Abs(q) > 1.18 {
		return
	}
	hairs := 0.5 + 0.5*noise2((ex+0.25*(top-ey))*85, 4, s.seed^81)
	above := top - ey
	long := (0.030 + 0.03*step(0, 1, q)) * (0.6 + 0.4*hairs)
	k := step(long, 0.006, above) * step(-0.02, -0.004, above) * step(1.15, 0.95, math.Abs(q))
	k *= mix(1, hairs, step(0.008, 0.03, above))
	k = max(k, 0.45*bump(ey-low, 0, 0.009, 1)*step(1.02, 0.85, math.Abs(q)))
	if closed := step(0.45, 0.1, s.open); closed > 0 { // the lashes of a lowered lid hang over the cheek
		fan := 0.5 + 0.5*noise2((ex-0.5*q*(ey-low))*70, 5, s.seed^82)
		below := ey - low
		hang := step(0.035+0.045*fan, 0.004, below) * step(-0.022, -0.010, below) * mix(1, fan, step(0.014, 0.04, below))
		k = max(k*(1-closed), closed*hang*step(1.12, 0.9, math.Abs(q)))
	}
	out.colour = out.colour.mix(s.brow.scale(0.22), max(0, min(0.92, k)))
	if k > 0.3 {
		out.shine = 0
	}
}

// eyewear draws glasses: the sight line is cut with the plane of the frame, so they sit on the nose from every side.
func (sc *scene) eyewear(f *figure, behind vec, px, py, depth float64) vec {
	camera := f.head.undo(vec{0, 0, cameraDistance}.sub(f.at))
	dir := f.head.undo(vec{(px - sc.cx) / sc.scale, (py - sc.cy) / sc.scale, -cameraDistance})
	const plane = 1.42
	if dir.z > -1e-6 {
		return behind
	}
	t := (plane - camera.z) / dir.z
	p := camera.add(dir.scale(t))
	if math.Abs(p.x) > 1.25 || p.y < -0.5 || p.y > 0.6 {
		return behind
	}
	inv := 1 / (1 - f.view(partHead, p).z/cameraDistance)
	if inv < depth-0.004 {
		return behind
	}
	side := math.Abs(p.x)
	gx, gy := (side-f.eyeGap-0.02)/0.40, (p.y-0.06)/0.29
	rim := math.Pow(math.Pow(math.Abs(gx), 3)+math.Pow(math.Abs(gy), 3), 1.0/3) // 1 on the rim
	frame := bump(rim-1.04, 0, 0.055, 1)
	bridge := step(0.14, 0.10, side) * bump(p.y+0.04, 0, 0.035, 1)
	temple := step(0.90, 0.93, side) * step(1.2, 1.15, side) * bump(p.y+0.10, 0, 0.04, 1)
	frame = min(1, 1.5*max(frame, bridge, temple))
	glass := step(1.03, 0.97, rim)
	var lens vec
	if f.pose.Sunglasses {
		lens = behind.scale(0.05).add(vec{0.012, 0.012, 0.014}).add(vec{0.10, 0.11, 0.12}.scale(bump(gx+0.4, gy+0.5, 0.35, 0.25)))
	} else {
		lens = behind.scale(0.95).add(vec{0.02, 0.022, 0.025})
	}
	metal := vec{0.02, 0.018, 0.017}.add(vec{0.12, 0.12, 0.12}.scale(bump(rim-1.0, 0, 0.02, 1)))
	return behind.mix(lens, glass).mix(metal, frame)
}
