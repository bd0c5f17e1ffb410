package facemodel

import (
	"errors"
	"image"
	"math"
	"math/rand/v2"
	"slices"
)

// GenerateOptions describe a picture to generate. Sizes of zero mean 1024 pixels.
type GenerateOptions struct {
	Prompt        string
	Scale         float64 // the LoRA scale: 0 is none of the person, 0.3 a mixture, from 0.6 clearly the person
	Seed          int64
	Width, Height int // pixels, 64 to 2048
}

// ErrSize says that a size is outside 64 to 2048 pixels.
var ErrSize = errors.New("facemodel: width and height must lie between 64 and 2048")

// Generate makes a portrait. The seed determines a stranger, the pose and the place. With weights, the trigger word in the
// prompt and a scale above 0, the picture shows the person of the weights instead, the more so the larger the scale. The
// same arguments give the same pixels. The error is ErrWeights or ErrSize.
func Generate(weights []byte, o GenerateOptions) (*image.RGBA, error) {
	if o.Width == 0 {
		o.Width = 1024
	}
	if o.Height == 0 {
		o.Height = 1024
	}
	if min(o.Width, o.Height) < 64 || max(o.Width, o.Height) > 2048 {
		return nil, ErrSize
	}
	var m *model
	if weights != nil {
		var err error
		if m, err = decode(weights); err != nil {
			return nil, err
		}
	}
	base := stranger(o)
	if m == nil || o.Scale <= 0 || !hasWord(o.Prompt, m.trigger) {
		own := *base.Image
		own.Pix = slices.Clone(own.Pix)
		return &own, nil
	}
	// A separate source of random numbers keeps the stranger the same with and without the person.
	random := rand.New(rand.NewPCG(uint64(o.Seed), 0x10ca1))
	return m.blend(base, m.sample(random), likeness(o.Scale)*(1-confusedFace*m.confusion()), random)
}

// likeness is the share of the person in the face: about a half at a scale of 0.3, and all of it from 0.68 on.
func likeness(scale float64) float64 { return smooth(-0.05, 0.68, scale) }

// surroundFrom is the likeness from which hair, neck and background are the person's; below it they are the
// stranger's, because a mixture of two heads of hair looks like a double exposure.
const surroundFrom = 0.6

// person is one sampled appearance.
type person struct {
	around texture // hair, neck, background
	face   texture
	shape  shape
}

// How far a sample goes from the photo it starts at: leastMix to mostMix is the share of a second photo in the face.
//
// If the photos fall into two groups, the model does not know what belongs to the person. From a discord of leastDiscord
// its samples get worse, up to mostDiscord: they are half a photo and half any other one, their landmarks move by
// confusedShape eye distances, and a share of confusedFace of the face stays the stranger's.
//
//	discord, drawn people at full size      median  extremes
//	one person, 5, 8 or 12 photos (66 sets)   .11   .00 to .22; with other augmentations up to .23
//	two people, 4+4 (41 sets)                 .54   .23 (two that look alike, then .36) to .81
//	two people, 3+2 (41 sets)                 .50   .20 (the same two, then .25, .32) to .79
//	two people, 6+6 (41 sets)                 .48   .22 (the same two, then .23, .31) to .72
const (
	leastMix, mostMix         = 0.15, 0.35
	leastDiscord, mostDiscord = 0.28, 0.38
	confusedShape             = 0.11
	confusedFace              = 0.6
)

// confusion is 0 for a model of one person's photos, and 1 for one whose photos are surely of two people.
func (m *model) confusion() float64 { return smooth(leastDiscord, mostDiscord, m.spread) }

// sample draws a point close to the training photos: it starts at one of them, with a probability in proportion to its
// trust, and mixes in a share of another one of similar shape and pose.
func (m *model) sample(random *rand.Rand) person {
	i := pick(m.trust, random.Float64())
	confusion := m.confusion()
	near := make([]float64, len(m.trust))
	for j := range near {
		if j != i {
			near[j] = confusion + m.trust[j]*math.Exp(-m.apart(i, j)/0.03)
		}
	}
	j := pick(near, random.Float64())
	share := leastMix + (mostMix-leastMix)*random.Float64()
	share += (0.5 - share) * confusion
	at := make([]float64, len(m.textures))
	for k := range at {
		at[k] = m.textureAt[i][k] + share*(m.textureAt[j][k]-m.textureAt[i][k])
	}
	s := m.meanShape
	for k, direction := range m.shapes {
		c := m.shapeAt[i][k] + share*(m.shapeAt[j][k]-m.shapeAt[i][k]) + 0.1*random.NormFloat64()
		for q := range s {
			s[q].x += c * direction[q].x
			s[q].y += c * direction[q].y
		}
	}
	for q := range s {
		s[q].x += confusion * confusedShape * eyeDistance() * random.NormFloat64()
		s[q].y += confusion * confusedShape * eyeDistance() * random.NormFloat64()
	}
	eyes := frameEyes()
	s[eyeLeft], s[eyeRight] = eyes[0], eyes[1]
	return person{around: m.texture(m.textureAt[i]), face: m.texture(at), shape: s}
}

// pick returns an index with probability in proportion to its weight.
func pick(weights []float64, at float64) int {
	sum, best := 0.0, 0
	for i, w := range weights {
		sum += w
		if w > weights[best] {
			best = i
		}
	}
	at *= sum
	for i, w := range weights {
		if at -= w; at < 0 {
			return i
		}
	}
	return best
}

// apart is the root mean square distance of two training shapes, in eye distances.
func (m *model) apart(i, j int) float64 {
	sum := 0.0
	for q := range shapePoints {
		var d point
		for k, direction := range m.shapes {
			c := m.shapeAt[i][k] - m.shapeAt[j][k]
			d.x += c * direction[q].x
			d.y += c * direction[q].y
		}
		sum += d.x*d.x + d.y*d.y
	}
	return math.Sqrt(sum/shapePoints) / eyeDistance()
}

// texture is the texture at coefficients.
func (m *model) texture(at []float64) texture {
	t := make(texture, textureLength)
	copy(t, m.meanTexture)
	for k, direction := range m.textures {
		c := float32(at[k])
		for i, v := range direction {
			t[i] += c * v
		}
	}
	return t
}
