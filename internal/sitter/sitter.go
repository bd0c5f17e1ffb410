// Package sitter draws people who do not exist, and returns the truth about each picture: identity, positions of eyes and
// face, pose, what is hidden, and light.
//
// Tests, benchmarks, the demo and the local trainer need faces that a detector finds and that belong to nobody. A small
// renderer draws them: a displaced head mesh, a depth buffer, one key light with shadows, procedural skin, eyes and hair.
// Everything is determined by two seeds: the same call gives the same pixels.
package sitter

import "image"

// Sitter is one invented person. The zero value is the person with identity 0.
type Sitter struct {
	identity uint64
}

// New returns the person of that identity: the same number is always the same person, and two numbers differ in skin,
// hair, eyes, brows, nose, mouth, jaw and age.
func New(identity uint64) Sitter { return Sitter{identity: identity} }

// Identity is the number that New was called with.
func (s Sitter) Identity() uint64 { return s.identity }

// Pose describes a picture except for the person. Start from DefaultPose: the zero value has closed eyes.
type Pose struct {
	Yaw   float64 // degrees; positive turns the face towards the right edge of the picture
	Pitch float64 // degrees; positive looks down
	Roll  float64 // degrees; positive tilts clockwise in the picture

	Smile     float64 // 0 serious to 1 laughing with teeth
	MouthOpen float64 // 0 as the smile has it to 1 wide open
	EyesOpen  float64 // 0 closed to 1 open

	Light    float64 // degrees of azimuth of the key light: 0 from the camera, 90 from the picture's right
	Contrast float64 // 0 soft window light to 1 a single hard lamp
	Exposure float64 // stops: -3 is far too dark, +2 far too bright
	Warmth   float64 // colour of the light: -1 blue shade, 0 daylight, 1 a lamp in the evening

	Distance   float64 // width of the face over the shorter side of the picture, 0.02 to 2; 0.38 is a portrait
	OffsetX    float64 // moves everybody to the right by this share of the picture's width
	OffsetY    float64 // moves everybody down by this share of the picture's height
	Background uint64  // seed of what is behind
	Outfit     uint64  // seed of the clothes

	Glasses    bool    // clear glasses, which hide nothing
	Sunglasses bool    // dark glasses, which hide the eyes
	Mask       bool    // a surgical mask from the nose to the chin
	Hand       bool    // a hand before the mouth
	Hat        bool    // a knitted hat, which hides the hair
	Hood       bool    // the hood of a pullover, which hides hair and ears
	Fringe     float64 // 0 the person's own to 1 hair hanging over the eyes

	Blur   float64 // standard deviation of a Gaussian blur, as a share of the distance between the eyes
	Noise  float64 // standard deviation of sensor noise in levels of 0 to 255
	Second *Sitter // another person, at the first one's side

	SecondScale float64 // size of the second person, 1 beside the first to 0.1 far behind; 0 means 1
	Edit        Edit    // what was done to the picture afterwards
}

// DefaultPose is a friendly frontal portrait in soft light.
func DefaultPose() Pose {
	return Pose{Smile: 0.3, EyesOpen: 1, Light: 30, Contrast: 0.3, Distance: 0.38}
}

// Portrait is a picture and the truth about it.
type Portrait struct {
	Image *image.RGBA
	Features
	Second *Features // the second person; nil when there is none
}

// Draw makes a picture of width x height pixels, both at least 16.
func (s Sitter) Draw(width, height int, p Pose) Portrait {
	if p.Distance <= 0 {
		p.Distance = DefaultPose().Distance
	}
	frame := p.Edit.frame(width, height)
	sc := newScene(s, frame.Dx(), frame.Dy(), p)
	portrait := Portrait{Image: sc.render(), Features: sc.features(sc.figures[0])}
	if len(sc.figures) > 1 {
		second := sc.features(sc.figures[1])
		portrait.Second = &second
	}
	if p.Blur > 0 {
		blur(portrait.Image, p.Blur*portrait.EyeDistance())
	}
	if p.Noise > 0 {
		addNoise(portrait.Image, p.Noise, s.identity^p.Background, nil)
	}
	p.Edit.apply(&portrait, frame, width, height)
	return portrait
}
