package sitter

import "math"

// vec is a point, a direction, or a linear-light colour. Model space has x to the picture's right, y down, z towards
// the camera, the unit is the mean distance between the eyes of a grown-up, the origin lies between the eyes inside
// the head.
type vec struct{ x, y, z float64 }

func (a vec) add(b vec) vec       { return vec{a.x + b.x, a.y + b.y, a.z + b.z} }
func (a vec) sub(b vec) vec       { return vec{a.x - b.x, a.y - b.y, a.z - b.z} }
func (a vec) scale(s float64) vec { return vec{a.x * s, a.y * s, a.z * s} }
func (a vec) times(b vec) vec     { return vec{a.x * b.x, a.y * b.y, a.z * b.z} }
func (a vec) dot(b vec) float64   { return a.x*b.x + a.y*b.y + a.z*b.z }
func (a vec) mix(b vec, t float64) vec {
	return vec{mix(a.x, b.x, t), mix(a.y, b.y, t), mix(a.z, b.z, t)}
}

func (a vec) cross(b vec) vec {
	return vec{a.y*b.z - a.z*b.y, a.z*b.x - a.x*b.z, a.x*b.y - a.y*b.x}
}

func (a vec) unit() vec {
	l := math.Sqrt(a.dot(a))
	if l == 0 {
		return vec{0, 0, 1}
	}
	return a.scale(1 / l)
}

// matrix is a rotation; its rows are the images' coordinates.
type matrix [3]vec

func (m matrix) apply(v vec) vec { return vec{m[0].dot(v), m[1].dot(v), m[2].dot(v)} }

// undo applies the inverse, which for a rotation is the transpose.
func (m matrix) undo(v vec) vec {
	return m[0].scale(v.x).add(m[1].scale(v.y)).add(m[2].scale(v.z))
}

func (m matrix) after(n matrix) matrix {
	var out matrix
	for i, row := range m {
		out[i] = n[0].scale(row.x).add(n[1].scale(row.y)).add(n[2].scale(row.z))
	}
	return out
}

// turn is roll after pitch after yaw, in degrees, with the signs of Pose.
func turn(yaw, pitch, roll float64) matrix {
	sin := func(d float64) float64 { return math.Sin(d * math.Pi / 180) }
	cos := func(d float64) float64 { return math.Cos(d * math.Pi / 180) }
	y := matrix{{cos(yaw), 0, sin(yaw)}, {0, 1, 0}, {-sin(yaw), 0, cos(yaw)}}
	p := matrix{{1, 0, 0}, {0, cos(pitch), sin(pitch)}, {0, -sin(pitch), cos(pitch)}}
	r := matrix{{cos(roll), -sin(roll), 0}, {sin(roll), cos(roll), 0}, {0, 0, 1}}
	return r.after(p).after(y)
}

// srgb turns an sRGB colour written as 0xRRGGBB into linear light.
func srgb(rgb uint32) vec {
	channel := func(v uint32) float64 { return math.Pow(float64(v&255)/255, 2.2) }
	return vec{channel(rgb >> 16), channel(rgb >> 8), channel(rgb)}
}
