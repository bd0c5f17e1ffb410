package facemodel

import (
	"bytes"
	"context"
	"image"
	"math"
	"slices"
	"time"

	"gonum.org/v1/gonum/mat"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
)

// image is the texture as a picture of the frame.
func (t texture) image() *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			cb, cr := t.chroma(point{float64(x) + 0.5, float64(y) + 0.5})
			r, g, b := toRGB(float64(t[y*side+x]), cb, cr)
			px := img.Pix[y*img.Stride+4*x:]
			px[0], px[1], px[2], px[3] = level(r), level(g), level(b), 255
		}
	}
	return img
}

// describe is the descriptor of a shape-free face. Without the pose it distinguishes people better than the photo's own
// descriptor: two people's photos were less alike than one person's by .16 instead of .05. It is nil if no face is found.
func (t texture) describe() photo.Descriptor {
	p := persona.DefaultPhotoPolicy()
	p.MinBytes, p.MinSide = 0, side
	var file bytes.Buffer
	if photo.EncodeJPEG(&file, t.image(), 95) != nil {
		return nil
	}
	j, err := photo.NewJudge(p, nil).Photo(context.Background(), file.Bytes(), time.Time{})
	if err != nil {
		return nil
	}
	defer j.Close()
	return j.Descriptor // nil without a face
}

// discord measures how much the photos fall into two groups: the mean similarity within the groups less that between them.
// It is 0 if one group has a single member, which is an unusual photo rather than a second person.
func discord(all []photo.Descriptor) float64 {
	all = slices.DeleteFunc(slices.Clone(all), func(d photo.Descriptor) bool { return d == nil })
	n := len(all)
	if n < 4 {
		return 0
	}
	alike := mat.NewSymDense(n, nil)
	mean := make([]float64, n)
	total := 0.0
	for i := range n {
		for j := range n {
			v := all[i].Similarity(all[j])
			alike.SetSym(i, j, v)
			mean[i] += v / float64(n)
			total += v / float64(n*n)
		}
	}
	// The first eigenvector of the centred similarities divides the set best.
	centred := mat.NewSymDense(n, nil)
	for i := range n {
		for j := range i + 1 {
			centred.SetSym(i, j, alike.At(i, j)-mean[i]-mean[j]+total)
		}
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(centred, true) {
		return 0
	}
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	var within, between, inside, across float64
	first := 0
	for i := range n {
		if vectors.At(i, n-1) > 0 {
			first++
		}
		for j := range i {
			if (vectors.At(i, n-1) > 0) == (vectors.At(j, n-1) > 0) {
				within, inside = within+alike.At(i, j), inside+1
			} else {
				between, across = between+alike.At(i, j), across+1
			}
		}
	}
	if min(first, n-first) < 2 {
		return 0
	}
	return within/inside - between/across
}

// trust rates the photos as starting points of new pictures, 0 to 1: high if the directions reproduce the photo, and if its
// face is like the others'.
func trust(all []photo.Descriptor, missed []float64) []float64 {
	middle := photo.Centroid(all)
	out := make([]float64, len(all))
	best := math.Inf(-1)
	for i, d := range all {
		out[i] = d.Similarity(middle) - 0.5*missed[i]
		best = max(best, out[i])
	}
	for i, v := range out {
		out[i] = math.Exp((v - best) / 0.03)
	}
	return out
}
