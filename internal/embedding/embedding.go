package embedding

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"image"
	"math"

	"github.com/inflio/persona/internal/onnx"
	"github.com/inflio/persona/internal/photo"
)

// Model describes faces with a network. It is a photo.Describer.
type Model struct {
	network *onnx.Model
	name    string
	pixels  pixels
	same    float64
}

// New loads the network of an ONNX file; s.File is not used.
func New(file []byte, s Settings) (*Model, error) {
	network, err := onnx.Load(file)
	if err != nil {
		return nil, err
	}
	p, err := parsePixels(s.Pixels, network.Normalises)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(file)
	return &Model{network: network, name: fmt.Sprintf("onnx:%x %s", sum[:6], p), pixels: p, same: s.Same}, nil
}

// Name identifies the file's content and the encoding of pixels: it changes whenever descriptors do.
func (m *Model) Name() string { return m.name }

// Describe returns the network's output for a face, scaled to length 1. It does not panic: a fault of the network is an
// error.
func (m *Model) Describe(f photo.Aligned) (_ photo.Descriptor, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the face model cannot describe a face: %v", p)
		}
	}()
	out, err := m.network.Run(m.input(f))
	if err != nil {
		return nil, fmt.Errorf("the face model cannot describe a face: %w", err)
	}
	var sum float64
	for _, v := range out {
		sum += float64(v) * float64(v)
	}
	if sum == 0 {
		return nil, errors.New("the face model gives nothing but zeros for a face")
	}
	d := make(photo.Descriptor, len(out))
	for i, v := range out {
		d[i] = float32(float64(v) / math.Sqrt(sum))
	}
	return d, nil
}

// Cuts of a model. The relative ones hold for cosines of networks trained with an angular margin; see the constants.
//
// The operator's cut is for two photos, Stranger is for a photo and the mean of the others. Similarities to the mean are
// higher: with a mean similarity of a between a person's photos, the similarity to the mean of many is 1/sqrt(a) times
// that to one. So fewer of a person's own photos are refused than the cut's error rate says.
func (m *Model) Cuts() photo.Cuts {
	c := photo.Cuts{
		UnlikeDeviations: unlikeDeviations, UnlikeLeast: unlikeLeast,
		TwoGroupsGap: twoGroupsGap, TwoGroupsSlack: twoGroupsSlack, Stranger: -1,
	}
	if m.same > 0 {
		c.Stranger = m.same
	}
	return c
}

// The relative cuts, measured with a MobileFaceNet (128 numbers) on sets of 5 to 8 of 228 photos of 41 people of LFW, without
// three photos that are unlike their person's others (similarity .18 and less; the next .53):
//
//	own photos warned of              0 of 276
//	other people's photos warned of   141 of 144
//	gap between two groups            one person's: median .06, at most .17; two people's: at least .43
//
// With the operator's cut of .256 as Stranger (1 % of pairs of two people are above), these three own photos and no others
// are refused, and 98.6 % of other people's. Of blurred video frames, 4 of 100 own ones are.
const (
	unlikeDeviations = 4.0
	unlikeLeast      = 0.2
	twoGroupsGap     = 0.2
	twoGroupsSlack   = 0.3
)

// template holds the positions at which ArcFace and related networks expect the pupils, the tip of the nose and the corners of the mouth, in a
// picture of templateSide pixels whose pixels' centres are whole numbers (Deng et al. 2019, as published with the code).
var template = [5]photo.Point{
	{X: 38.2946, Y: 51.6963}, {X: 73.5318, Y: 51.5014}, {X: 56.0252, Y: 71.7366}, {X: 41.5493, Y: 92.3655}, {X: 70.7299, Y: 92.2041},
}

const templateSide = 112

// finer is the factor by which the face is drawn larger than the network's input, and then averaged: the chip is finer than
// the template, and skipped pixels would alias.
const finer = 2

// input returns the network's input for a face: three planes.
func (m *Model) input(f photo.Aligned) []float32 {
	w, h := m.network.Width, m.network.Height
	kx, ky := float64(w*finer)/templateSide, float64(h*finer)/templateSide
	var want [5]photo.Point
	for i, p := range template {
		want[i] = photo.Point{X: (p.X + 0.5) * kx, Y: (p.Y + 0.5) * ky}
	}
	have := [5]photo.Point{
		f.Eyes[0], f.Eyes[1], f.Landmarks[photo.NoseTip], f.Landmarks[photo.MouthLeft], f.Landmarks[photo.MouthRight],
	}
	return m.planes(f.Draw(backwards(have, want), w*finer, h*finer))
}

// planes averages blocks of finer x finer pixels and encodes them for the network.
func (m *Model) planes(img *image.RGBA) []float32 {
	w, h := m.network.Width, m.network.Height
	out := make([]float32, 3*w*h)
	for c := range 3 {
		plane := out[c*w*h:]
		if m.pixels.bgr {
			plane = out[(2-c)*w*h:]
		}
		for y := range h {
			for x := range w {
				sum := 0
				for dy := range finer {
					row := img.Pix[(y*finer+dy)*img.Stride+x*finer*4+c:]
					for dx := range finer {
						sum += int(row[4*dx])
					}
				}
				plane[y*w+x] = float32(sum)/(finer*finer)*m.pixels.scale + m.pixels.shift
			}
		}
	}
	return out
}

// backwards maps the wanted points to the present ones: it is the inverse of the similarity (rotation, scale and shift)
// that moves the points to the wanted ones with the least squared error (Umeyama 1991; in a plane, and without mirroring,
// it has a closed form).
func backwards(have, want [5]photo.Point) [6]float64 {
	var hm, wm photo.Point
	for i := range have {
		hm.X += have[i].X / 5
		hm.Y += have[i].Y / 5
		wm.X += want[i].X / 5
		wm.Y += want[i].Y / 5
	}
	var c, s, n float64 // scale times cosine and sine, times n
	for i := range have {
		hx, hy, wx, wy := have[i].X-hm.X, have[i].Y-hm.Y, want[i].X-wm.X, want[i].Y-wm.Y
		c += hx*wx + hy*wy
		s += hx*wy - hy*wx
		n += hx*hx + hy*hy
	}
	c, s = c/n, s/n
	k := c*c + s*s
	c, s = c/k, -s/k // inverted
	return [6]float64{c, -s, hm.X - c*wm.X + s*wm.Y, s, c, hm.Y - s*wm.X - c*wm.Y}
}
