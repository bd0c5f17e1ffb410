package facemodel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"slices"
	"strings"
	"unicode"

	"gonum.org/v1/gonum/mat"

	"github.com/inflio/persona/internal/photo"
)

// Picture is one training picture. A picture whose caption is not empty and has neither the trigger word nor
// "[trigger]" is ignored.
type Picture struct {
	Image   image.Image
	Caption string
}

// TrainOptions tune a training. The zero value means 1000 steps and rank 16.
type TrainOptions struct {
	Steps    int                // number of steps for the progress
	Rank     int                // most principal directions of texture
	Progress func(step, of int) // called now and then, in order, from the calling goroutine; may be nil
}

// MinFaces is the smallest number of distinct pictures with a usable face to which a model can be fitted.
const MinFaces = 4

// ErrTooFewFaces means that a face was found in fewer than MinFaces distinct pictures.
var ErrTooFewFaces = errors.New("facemodel: too few pictures show a usable face")

// Train fits a model and returns it as safetensors. The same pictures give the same bytes. The order of the photos does
// not matter, that of a photo and its augmented copies does. The error is ErrTooFewFaces, or that of the context.
func Train(ctx context.Context, pictures []Picture, trigger string, o TrainOptions) ([]byte, error) {
	if o.Steps <= 0 {
		o.Steps = 1000
	}
	if o.Rank <= 0 {
		o.Rank = 16
	}
	report := func(share float64) {
		if o.Progress != nil {
			o.Progress(int(share*float64(o.Steps)), o.Steps)
		}
	}
	var faces []*face
	for i, p := range pictures {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if captioned(p.Caption, trigger) {
			if f := findFace(p.Image); f != nil {
				faces = append(faces, f)
			}
		}
		report(0.6 * float64(i+1) / float64(len(pictures)))
	}
	faces = distinct(faces)
	slices.SortFunc(faces, func(a, b *face) int { return bytes.Compare(a.digest[:], b.digest[:]) })
	if len(faces) < MinFaces {
		return nil, fmt.Errorf("%w: %d of the %d that are needed", ErrTooFewFaces, len(faces), MinFaces)
	}
	m, err := fit(ctx, faces, min(o.Rank, len(faces)-1), func(share float64) { report(0.6 + 0.4*share) })
	if err != nil {
		return nil, err
	}
	m.trigger = trigger
	return m.encode()
}

func captioned(caption, trigger string) bool {
	return strings.TrimSpace(caption) == "" || strings.Contains(caption, "[trigger]") || hasWord(caption, trigger)
}

// hasWord reports whether text contains word as a whole word, ignoring case.
func hasWord(text, word string) bool {
	if word == "" {
		return false
	}
	letters := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' }
	text, word = strings.ToLower(text), strings.ToLower(word)
	for at := 0; ; {
		i := strings.Index(text[at:], word)
		if i < 0 {
			return false
		}
		before := strings.TrimRightFunc(text[:at+i], letters)
		after := strings.TrimLeftFunc(text[at+i+len(word):], letters)
		if len(before) == at+i && len(after) == len(text)-at-i-len(word) {
			return true
		}
		at += i + 1
	}
}

// fit computes means and principal directions of shape and of shape-free texture.
func fit(ctx context.Context, faces []*face, rank int, report func(float64)) (*model, error) {
	n := len(faces)
	m := &model{rank: rank}
	shapes := make([]shape, n)
	for i, f := range faces {
		shapes[i] = f.shape
	}
	m.meanShape = average(shapes)
	rows := make([][]float32, n)
	for i, f := range faces {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		w, err := newWarp(m.meanShape, f.shape)
		if err != nil {
			return nil, err
		}
		rows[i] = readTexture(f.picture, func(p point) point { return f.place.at(w.at(p)) })
		report(0.5 * float64(i+1) / float64(n))
	}
	described := make([]photo.Descriptor, n)
	for i, r := range rows {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		described[i] = texture(r).describe()
		report(0.5 + 0.35*float64(i+1)/float64(n))
	}
	m.spread = discord(described)

	mean, basis, at, lost := components(rows, rank)
	m.meanTexture, m.textureAt = mean, at
	for _, b := range basis {
		m.textures = append(m.textures, b)
	}
	report(0.95)
	flat := make([][]float32, n)
	for i, s := range shapes {
		for _, p := range s {
			flat[i] = append(flat[i], float32(p.x), float32(p.y))
		}
	}
	shapeMean, shapeBasis, shapeAt, _ := components(flat, min(rank, 2*(shapePoints-2)))
	m.meanShape, m.shapeAt = unflat(shapeMean), shapeAt
	for _, b := range shapeBasis {
		m.shapes = append(m.shapes, unflat(b))
	}
	m.trust = trust(described, lost)
	report(1)
	return m, nil
}

// components is a principal component analysis: the mean, the strongest directions scaled by their standard deviation,
// the coordinates of each row, and the share of each row's variance that is lost. The mean is subtracted from rows in
// place. There are always rank directions; those without any variance are zero.
func components(rows [][]float32, rank int) (mean []float32, basis [][]float32, at [][]float64, lost []float64) {
	n := len(rows)
	mean = make([]float32, len(rows[0]))
	for _, r := range rows {
		for i, v := range r {
			mean[i] += v / float32(n)
		}
	}
	for _, r := range rows {
		for i := range r {
			r[i] -= mean[i]
		}
	}
	// There are far fewer rows than columns, so the small matrix of their products is decomposed: its singular vectors are
	// the left ones of rows.
	products := mat.NewDense(n, n, nil)
	for i := range n {
		for j := range i + 1 {
			var sum float64
			for k, v := range rows[i] {
				sum += float64(v) * float64(rows[j][k])
			}
			products.Set(i, j, sum)
			products.Set(j, i, sum)
		}
	}
	var svd mat.SVD
	svd.Factorize(products, mat.SVDThin)
	var u mat.Dense
	svd.UTo(&u)
	values := svd.Values(nil)

	at, lost = make([][]float64, n), make([]float64, n)
	for i := range at {
		at[i] = make([]float64, rank)
		lost[i] = 1
	}
	for k := range rank {
		b := make([]float32, len(mean))
		basis = append(basis, b)
		if k >= n || values[k] <= 1e-9*values[0] || values[0] == 0 {
			continue
		}
		// Row i is sigma_k u_ik v_k summed over k. With b = sigma_k v_k / sqrt(n) = sum_i u_ik row_i / sqrt(n), the
		// coefficients sqrt(n) u_ik have variance 1 over the rows.
		for i := range n {
			at[i][k] = u.At(i, k) * math.Sqrt(float64(n))
			if p := products.At(i, i); p > 0 {
				lost[i] -= u.At(i, k) * u.At(i, k) * values[k] / p
			}
			w := float32(u.At(i, k) / math.Sqrt(float64(n)))
			for j, v := range rows[i] {
				b[j] += w * v
			}
		}
	}
	return mean, basis, at, lost
}
