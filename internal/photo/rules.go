package photo

import (
	"fmt"
	"math"

	"github.com/inflio/persona/internal/persona"
)

// A blend is a logistic regression on several measures, fitted to labelled faces. Its value is 0 to 1.
type blend struct {
	bias    float64
	weights []float64
}

func (b blend) of(values ...float64) float64 {
	z := b.bias
	for i, w := range b.weights {
		z += w * values[i]
	}
	return 1 / (1 + math.Exp(-z))
}

// The blends of the measures in eyes.go and mouth.go, fitted to 569 open and 127 closed eyes, 53 dark glasses, 121 masks and
// 700 bare faces. Rates with the cuts below, of faces that are found (most masks and half of the dark glasses prevent
// that):
//
//	               found   false alarms   AUC
//	closed eyes     80 %       .6 %       .99
//	dark glasses    83 %       .5 %       .99
//	masks           82 %      2.1 %       .98
var (
	eyeOpen     = blend{3.9262, []float64{2.3497, 3.3198, 23.2322}}
	eyesHidden  = blend{-8.4462, []float64{3.1459, -2.1272, 1.8301, 29.4028, 76.2606}}
	faceCovered = blend{-1.5887, []float64{34.4201, 23.1713, 0.1543, -0.0614, -16.4310}}
)

var never = math.Inf(1)

// Cuts that two rules share.
const (
	covered = 0.90 // FaceCovered that is refused
	burnt   = 0.10 // Burnt that is refused
)

// rule judges one property of the main face or of the picture.
type rule struct {
	code    persona.PhotoCode
	measure func(f Face, q Quality) float64
	warn    float64 // above it the photo has a warning; in the measure's unit
	refuse  float64 // above it the photo is refused
	detail  func(f Face, q Quality) string
	unless  []persona.PhotoCode // codes that explain the same better
	last    bool                // the rules after it would not be reliable
}

// rules is the table of all rules, with their measures, cuts and the reasons for these.
var rules = []rule{
	{
		// Share of the main face's area; the refusal is a side of .35: 1.6 % false alarms, 72 % of group photos.
		code: persona.PhotoSeveralFaces, warn: 0.02, refuse: otherFaceSide * otherFaceSide,
		measure: func(_ Face, q Quality) float64 { return q.SecondFace },
		detail:  sayOthers,
	},
	{
		// Pixels under 160: an eye distance of 57; the crop would be enlarged more than four times. Light and
		// sharpness cannot be measured on so few pixels.
		code: persona.PhotoFaceTooSmall, warn: 0, refuse: 0, last: true,
		measure: func(f Face, _ Quality) float64 { return smallestFace - math.Round(f.IED()*sidePerIED) },
		detail: func(f Face, _ Quality) string {
			return fmt.Sprintf("about %.0f pixels wide", f.IED()*sidePerIED)
		},
	},
	{
		// Degrees of roll. A mask looks like a forehead: the detector may find such a face upside down.
		code: persona.PhotoTilted, warn: 25, refuse: 45,
		measure: func(f Face, q Quality) float64 {
			if roll := math.Abs(f.Roll); roll < 135 || q.FaceCovered < covered {
				return roll
			}
			return 0
		},
		detail: func(f Face, _ Quality) string { return fmt.Sprintf("by %.0f degrees", math.Abs(f.Roll)) },
	},
	{
		// Degrees of yaw: beyond, the nose hides the far eye and the landmarks are unreliable.
		code: persona.PhotoExtremeAngle, warn: 50, refuse: 50,
		measure: func(f Face, _ Quality) float64 { return math.Abs(f.Yaw) },
		detail:  func(f Face, _ Quality) string { return fmt.Sprintf("by about %.0f degrees", math.Abs(f.Yaw)) },
	},
	{
		// Levels by which the face's highlights are below 60, or below 90 if the contrast is low, too. The median of faces
		// two stops underexposed is 95.
		code: persona.PhotoTooDark, warn: 0, refuse: 0,
		measure: func(_ Face, q Quality) float64 {
			return max(60-q.Highlights, min(90-q.Highlights, 22-q.Contrast))
		},
	},
	{
		// Share of the face without detail; the cut is that of one and a half stops of overexposure.
		code: persona.PhotoOverexposed, warn: burnt, refuse: burnt, unless: []persona.PhotoCode{persona.PhotoTooDark},
		measure: func(_ Face, q Quality) float64 { return q.Burnt },
	},
	{
		// Levels by which the standard deviation of luma is below 15, if the shadows are not dark.
		code: persona.PhotoFlat, warn: 0, refuse: 0, unless: []persona.PhotoCode{persona.PhotoTooDark, persona.PhotoOverexposed},
		measure: func(_ Face, q Quality) float64 { return min(15-q.Contrast, q.Shadows-100) },
	},
	{
		// |log2| of cheek over cheek, 95 % of normal faces have less. Side light is good for some photos of a set.
		code: persona.PhotoUnevenLight, warn: 2.0, refuse: never,
		measure: func(_ Face, q Quality) float64 { return math.Abs(q.SideLight) },
	},
	{
		// Blend for dark glasses and for hair over the eyes.
		code: persona.PhotoEyesHidden, warn: 0.82, refuse: 0.82, unless: []persona.PhotoCode{persona.PhotoTooDark},
		measure: func(_ Face, q Quality) float64 {
			// Closed lids have no iris either, but they are as bright as the skin.
			if closed := max(q.EyesOpen[0], q.EyesOpen[1]) < 0.05; closed && q.EyesDark < 0.1 {
				return 0
			}
			return q.EyesHidden
		},
	},
	{
		// Blend for masks and scarves. A hand before the mouth is not found: it has the colour of the face, and the lines
		// between its fingers look like a mouth.
		code: persona.PhotoFaceCovered, warn: 0.75, refuse: covered,
		unless: []persona.PhotoCode{
			persona.PhotoExtremeAngle, persona.PhotoTooDark, persona.PhotoFlat, persona.PhotoEyesHidden,
		},
		measure: func(_ Face, q Quality) float64 {
			// Overexposed skin has no colour, so only a sure result counts.
			if q.Burnt > burnt && q.FaceCovered < covered {
				return 0
			}
			return q.FaceCovered
		},
	},
	{
		// Fine over coarse detail. 90 % of the blurred faces of the measurement at detail are below the cut, all that are
		// blurred by 2 % of the eye distance or more, and 1.4 % of the sharp ones.
		code: persona.PhotoBlurred, warn: 0, refuse: 0,
		measure: func(_ Face, q Quality) float64 { return 0.25 - q.Fineness },
	},
	{
		// The wider eye. A few such photos in a set do no harm.
		code: persona.PhotoEyesClosed, warn: 0.70, refuse: never,
		unless: []persona.PhotoCode{
			persona.PhotoTooDark, persona.PhotoEyesHidden, persona.PhotoFaceCovered, persona.PhotoExtremeAngle,
			persona.PhotoBlurred, persona.PhotoFlat,
		},
		measure: func(_ Face, q Quality) float64 { return 1 - max(q.EyesOpen[0], q.EyesOpen[1]) },
	},
	{
		// Number of signs of filters.
		code: persona.PhotoHeavilyEdited, warn: 0, refuse: 1,
		unless:  []persona.PhotoCode{persona.PhotoOverexposed, persona.PhotoFlat},
		measure: editing,
	},
	{
		// Heights of the picture that the head would fill: 2 % of portraits have more than 1.36.
		code: persona.PhotoFaceTooLarge, warn: 1.35, refuse: never,
		measure: func(_ Face, q Quality) float64 { return q.HeadSize },
		detail: func(_ Face, q Quality) string {
			return fmt.Sprintf("the head alone is %.1f times as high", q.HeadSize)
		},
	},
	{
		// Share of the head outside the picture; a model cannot learn from a face that lacks more than a tenth.
		code: persona.PhotoHeadCutOff, warn: 0.18, refuse: 1, unless: []persona.PhotoCode{persona.PhotoFaceTooLarge},
		measure: func(_ Face, q Quality) float64 {
			if q.FaceOutside > 0.12 {
				return 2
			}
			return q.HeadOutside
		},
	},
	{
		// Distance of the spread of hues below 2.2, or of all chroma below 4: positive for all black and white or toned
		// pictures of 400, and for none in colour.
		code: persona.PhotoGreyscale, warn: 0, refuse: never,
		measure: func(_ Face, q Quality) float64 { return max(2.2-q.Hues, 4-q.Colourful) },
	},
	{
		// CIELAB units outside the range of skin: 2 % of photos, and half of those whose white balance
		// is wrong by a stop.
		code: persona.PhotoColourCast, warn: 8, refuse: never,
		unless: []persona.PhotoCode{
			persona.PhotoGreyscale, persona.PhotoTooDark, persona.PhotoHeavilyEdited, persona.PhotoFaceCovered,
		},
		measure: func(_ Face, q Quality) float64 { return q.Tint },
	},
	{
		// Share of the picture.
		code: persona.PhotoBordered, warn: 0.03, refuse: never,
		measure: func(_ Face, q Quality) float64 { return q.Border },
		detail:  func(_ Face, q Quality) string { return "about " + sayShare(q.Border) + " of it" },
	},
}

// editing counts signs of filters: one for each that is beyond its cut, two for a posterised face.
func editing(_ Face, q Quality) float64 {
	const (
		vividChroma    = 52.0 // mean CIELAB chroma of the cheeks: 98 % of faces have less than 53
		clippedColours = 0.20 // share of the face with a channel at its limit and a luma that is not
		flatShare      = 0.30 // share of the face without any gradient
		fewLevels      = 0.30 // comb of the luma: no photo of 250 has more, seven levels a colour give .75
		posterised     = 0.50
		smoothed       = 8.2 // octaves between eyes and cheeks: 99 % of faces have less
		lit            = 90  // highlights: a dark picture has few levels without a filter
	)
	signs := 0.0
	for _, sign := range []bool{
		q.Chroma > vividChroma, q.Clipped > clippedColours, q.SmoothSkin > smoothed,
		q.Highlights > lit && (q.Flat > flatShare || q.Comb > fewLevels),
		q.Highlights > lit && (q.Flat > flatShare || q.Comb > posterised),
	} {
		if sign {
			signs++
		}
	}
	return signs
}

func sayOthers(_ Face, q Quality) string {
	if q.People < 2 {
		return "a second one, small"
	}
	return fmt.Sprintf("%d faces", q.People)
}

// sayShare formats a share of 0 to 1 for people.
func sayShare(v float64) string {
	switch {
	case v < 0.075:
		return "a twentieth"
	case v < 0.15:
		return "a tenth"
	case v < 0.225:
		return "a fifth"
	case v < 0.29:
		return "a quarter"
	case v < 0.42:
		return "a third"
	default:
		return "half"
	}
}
