package photo_test

import (
	"encoding/binary"
	"flag"
	"image"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/mat"

	"github.com/inflio/persona/internal/photo"
	"github.com/inflio/persona/internal/sitter"
)

var drawCommon = flag.Bool("draw-common", false, "draw people and write what their faces have in common to common.bin")

// Who is drawn for common.bin. No test draws them.
const (
	commonFirst    = 70_000 // identity
	commonPeople   = 116
	commonPictures = 5 // of each
	commonWays     = 40
)

// commonPicture is a picture of anybody in any way: what is common to such pictures is not the person.
func commonPicture(identity uint64, k int) *image.RGBA {
	r := rand.New(rand.NewPCG(identity, uint64(k)))
	between := func(a, b float64) float64 { return a + (b-a)*r.Float64() }
	p := sitter.DefaultPose()
	p.Yaw, p.Pitch, p.Roll = 14*r.NormFloat64(), 6*r.NormFloat64(), 4*r.NormFloat64()
	p.Smile, p.EyesOpen, p.MouthOpen = between(0, 1), between(0.7, 1), max(0, between(-1, 0.6))
	p.Light, p.Contrast, p.Exposure = between(-80, 80), between(0, 0.8), between(-0.6, 0.5)
	p.Distance = between(0.4, 0.55)
	p.Background, p.Outfit = r.Uint64(), r.Uint64()
	p.Glasses, p.Fringe = r.Float64() < 0.15, max(0, between(-2, 0.7))
	p.Blur, p.Noise = max(0, between(-0.02, 0.03)), between(0, 6)
	side := 160 + 40*r.IntN(5)
	return sitter.New(identity).Draw(side, side, p).Image
}

func TestDescriptorKnowsWhatFacesHaveInCommon(t *testing.T) {
	t.Parallel()
	people, pictures := 4, 3
	if *drawCommon {
		people, pictures = commonPeople, commonPictures
	}
	drawn := make([][]photo.Descriptor, people)
	var wait sync.WaitGroup
	for i := range drawn {
		wait.Go(func() {
			for k := range pictures {
				if d := photo.RawDescription(commonPicture(commonFirst+uint64(i), k)); d != nil {
					drawn[i] = append(drawn[i], d)
				}
			}
		})
	}
	wait.Wait()
	if *drawCommon {
		require.NoError(t, os.WriteFile("common.bin", commonOf(drawn, commonWays), 0o644))
		return
	}
	// Whoever changes the raw description must have common.bin made anew.
	mean := photo.Descriptor(photo.CommonMean())
	require.Greater(t, photo.Centroid(slices.Concat(drawn...)).Similarity(mean), 0.97)
}

// commonOf is the content of common.bin: the mean of all raw descriptions, then the ways in which those of one person
// differ most. So much of each is taken out that all differ as much as the last of them does.
func commonOf(drawn [][]photo.Descriptor, wayCount int) []byte {
	var mean photo.Descriptor
	n := 0
	for _, d := range slices.Concat(drawn...) {
		if mean == nil {
			mean = make(photo.Descriptor, len(d))
		}
		for i, v := range d {
			mean[i] += v
		}
		n++
	}
	for i := range mean {
		mean[i] /= float32(n)
	}
	var rows []float64
	for _, own := range drawn {
		unit := make([][]float64, len(own))
		middle := make([]float64, len(mean))
		for k, d := range own {
			unit[k] = make([]float64, len(mean))
			length := 0.0
			for i, v := range d {
				unit[k][i] = float64(v - mean[i])
				length += unit[k][i] * unit[k][i]
			}
			for i := range unit[k] {
				unit[k][i] /= math.Sqrt(length)
				middle[i] += unit[k][i] / float64(len(own))
			}
		}
		for _, u := range unit {
			for i, v := range u {
				rows = append(rows, v-middle[i])
			}
		}
	}
	var svd mat.SVD
	if !svd.Factorize(mat.NewDense(len(rows)/len(mean), len(mean), rows), mat.SVDThinV) {
		panic("no singular values")
	}
	var ways mat.Dense
	svd.VTo(&ways)
	spread := svd.Values(nil)
	var out []byte
	float := func(v float64) { out = binary.LittleEndian.AppendUint32(out, math.Float32bits(float32(v))) }
	for _, v := range mean {
		float(float64(v))
	}
	for w := range wayCount {
		least := spread[wayCount-1] / spread[w]
		float(1 - least*least)
		scale := 0.0
		for i := range mean {
			scale = max(scale, math.Abs(ways.At(i, w))/127)
		}
		float(scale)
		for i := range mean {
			out = append(out, byte(int8(math.Round(ways.At(i, w)/scale))))
		}
	}
	return out
}
