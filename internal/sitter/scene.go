package sitter

import (
	"image"
	"math"
	"runtime"
	"slices"
	"sync"
)

// cameraDistance is how far the camera stands, in eye distances: about 1.4 m, as for a portrait.
const cameraDistance = 22.0

// fullDetail is the distance between the eyes in pixels from which meshes have all their points.
const fullDetail = 60

// figure is one person in the scene.
type figure struct {
	shape
	pose       Pose
	head, body matrix
	at         vec // where the head is, in view space
	meshes     []*mesh
	outfit     outfit
}

// scene is everything in front of the camera. View space is model space after turning and moving.
type scene struct {
	width, height int
	scale         float64 // pixels per eye distance at depth 0
	cx, cy        float64 // pixel of the view's origin
	figures       []*figure
	pose          Pose
	light         lighting
	tris          []triangle
}

// triangle is a screen triangle and where its corners come from.
type triangle struct {
	fig    *figure
	mesh   *mesh
	corner [3]int32
	x, y   [3]float64 // pixels
	z      [3]float64 // 1/distance, which is linear on the screen
}

func newScene(s Sitter, width, height int, p Pose) *scene {
	short := float64(min(width, height))
	sc := &scene{
		width: width, height: height, pose: p,
		scale: p.Distance * short / (2.06 * s.traits().width),
		cx:    float64(width) / 2, cy: float64(height) * mix(0.40, 0.46, step(0.3, 0.7, p.Distance)),
	}
	sc.figures = []*figure{newFigure(s, p, sc.scale)}
	sc.cx += p.OffsetX * float64(width)
	sc.cy += p.OffsetY * float64(height)
	if p.Distance < 0.25 {
		r := newRandom(p.Background, 0xd15)
		sc.cx += (r.unit() - 0.5) * 0.3 * (float64(width) - 6*sc.scale)
	}
	if p.Second != nil {
		sc.addSecond(*p.Second)
	}
	if below := (float64(height) - sc.cy) / sc.scale; below > armsFrom {
		for _, f := range sc.figures {
			f.meshes = append(f.meshes, f.limbs()...)
		}
	}
	sc.light = newLighting(p)
	for _, f := range sc.figures {
		sc.project(f)
	}
	sc.light.castShadows(sc)
	return sc
}

// addSecond puts another person at the right of the first. A smaller one stands further away on the same ground.
func (sc *scene) addSecond(s Sitter) {
	p, first := sc.pose, sc.figures[0]
	q := DefaultPose()
	q.Yaw, q.Roll, q.Smile, q.Outfit, q.Distance = -0.5*p.Yaw-6, -3, 0.5, p.Outfit+1, p.Distance
	size := p.SecondScale
	if size <= 0 {
		size = 1
	}
	second := newFigure(s, q, sc.scale*size)
	away := cameraDistance * (1/size - 1)
	apart := min(float64(sc.width)/sc.scale*0.46, 3.4)
	first.at = vec{-apart / 2 * size, 0, 0}
	second.at = vec{(apart - apart/2*size) / size, 0.1, -0.6 - away}
	sc.figures = append(sc.figures, second)
}

// newFigure makes a person whose eyes are scale pixels apart.
func newFigure(s Sitter, p Pose, scale float64) *figure {
	f := &figure{
		shape: shape{
			traits: s.traits(), smile: unit(p.Smile), mouthOpen: unit(p.MouthOpen), open: unit(p.EyesOpen), yaw: p.Yaw,
			glintX: math.Sin(p.Light * math.Pi / 180), mask: p.Mask,
			detail: max(0.4, min(1, scale/fullDetail)),
		},
		pose: p, head: turn(p.Yaw, p.Pitch, p.Roll), body: turn(0.3*p.Yaw, 0, 0.15*p.Roll),
	}
	f.outfit = newOutfit(f.outfitTaste, p.Outfit)
	f.dropJaw()
	f.arrangeHair()
	makers := []func() *mesh{
		f.headMesh, f.neck, f.torso, func() *mesh { return f.ear(-1) }, func() *mesh { return f.ear(1) },
	}
	if !f.bald {
		makers = append(makers, f.hairShell)
		if f.hairLength > 0 && !p.Hood {
			makers = append(makers, f.locks)
		}
	}
	f.meshes = make([]*mesh, len(makers))
	var wg sync.WaitGroup
	for i, m := range makers {
		wg.Go(func() { f.meshes[i] = m() })
	}
	wg.Wait()
	f.meshes = append(f.meshes, f.covers()...)
	return f
}

// view moves a point of a part into view space.
func (f *figure) view(which part, p vec) vec {
	if which.ofBody() {
		return f.body.apply(p).add(f.at)
	}
	return f.head.apply(p).add(f.at)
}

func (f *figure) viewNormal(which part, n vec) vec {
	if which.ofBody() {
		return f.body.apply(n)
	}
	return f.head.apply(n)
}

// screen is the pixel of a view point, and its inverse distance.
func (sc *scene) screen(p vec) (x, y, inv float64) {
	inv = 1 / (1 - p.z/cameraDistance)
	return sc.cx + sc.scale*p.x*inv, sc.cy + sc.scale*p.y*inv, inv
}

// project turns a figure's meshes into triangles. Those of closed bodies that face away are never seen.
func (sc *scene) project(f *figure) {
	n := 0
	for _, m := range f.meshes {
		n += 2 * m.rows * m.cols
	}
	sc.tris = slices.Grow(sc.tris, n)
	for _, m := range f.meshes {
		pixels := make([]vec, len(m.pos))
		for i, p := range m.pos {
			pixels[i].x, pixels[i].y, pixels[i].z = sc.screen(f.view(m.part, p))
		}
		m.triangles(func(corner [3]int32) {
			a, b, c := pixels[corner[0]], pixels[corner[1]], pixels[corner[2]]
			if !m.twoSided() && m.away(a, b, c) {
				return
			}
			sc.tris = append(sc.tris, triangle{
				fig: f, mesh: m, corner: corner,
				x: [3]float64{a.x, b.x, c.x}, y: [3]float64{a.y, b.y, c.y}, z: [3]float64{a.z, b.z, c.z},
			})
		})
	}
}

// surface is the point of the face at x, y.
func (s *shape) surface(x, y float64) vec {
	height, power := s.crown, 2.35
	if y > 0 {
		height, power = s.chin, 5.2
	}
	dx, dy := x/s.width, y/height
	r := math.Hypot(dx, dy)
	rim := 1.0
	if r > 0 {
		rim = math.Sqrt(max(0, 1-math.Pow(r, mix(2.2, power, dy*dy/(r*r)))))
	}
	return vec{x, y, s.depth*rim + s.relief(x, y)*step(0, 0.3, rim)}
}

// rows runs do for bands of rows on all processors.
func rows(height int, do func(from, to int)) { bands(height, 16, do) }

func bands(height, band int, do func(from, to int)) {
	var wg sync.WaitGroup
	next := make(chan int, height/band+1)
	for y := 0; y < height; y += band {
		next <- y
	}
	close(next)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for y := range next {
				do(y, min(y+band, height))
			}
		})
	}
	wg.Wait()
}

func (sc *scene) render() *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, sc.width, sc.height))
	buf := sc.rasterise()
	back := newBackdrop(sc)
	rows(sc.height, func(from, to int) {
		for y := from; y < to; y++ {
			for x := range sc.width {
				c := sc.pixel(buf, back, x, y)
				o := img.PixOffset(x, y)
				img.Pix[o], img.Pix[o+1], img.Pix[o+2] = encode(c.x), encode(c.y), encode(c.z)
				img.Pix[o+3] = 255
			}
		}
	})
	return img
}

var encodeTable = func() (t [4097]uint8) {
	for i := range t {
		t[i] = uint8(math.Pow(float64(i)/4096, 1/2.2)*255 + 0.5)
	}
	return t
}()

// encode turns linear light into an sRGB level; highlights roll off instead of clipping at once.
func encode(v float64) uint8 {
	if v > 0.7 {
		v = 0.7 + 0.3*(1-math.Exp(-(v-0.7)/0.3))
	}
	return encodeTable[int(max(0, min(1, v))*4096)]
}
