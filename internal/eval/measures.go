package eval

import (
	"math"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
)

// Separation tells how well one measure tells photos that deserve a code from those that do not, whatever the cut.
// Only photos whose face was measured count.
type Separation struct {
	Measure string  `json:"measure"` // as in the JSON of a photo's Quality
	Below   bool    `json:"below"`   // smaller values deserve the code
	AUC     float64 `json:"auc"`     // .5 is chance; under .5 the measure points the wrong way
	Yes     int     `json:"yes"`     // photos that deserve it
	No      int     `json:"no"`

	// The photos that deserve it and are caught by the cut that raises a false alarm for 2 % of the others.
	Caught Share   `json:"caught_at_2"`
	Cut    float64 `json:"cut_at_2"`
}

const falseAlarms = 0.02 // for which Separation tells the cut

// measure is a number behind a judgement.
type measure struct {
	name  string
	below bool // smaller values deserve the code; otherwise larger ones do
	of    func(photo.Quality) float64
}

// measuresOf has the measures that speak for each code, each by itself: a judgement may take several together.
var measuresOf = map[persona.PhotoCode][]measure{
	persona.PhotoBlurred: {
		{"fineness", true, func(q photo.Quality) float64 { return q.Fineness }},
	},
	persona.PhotoTooDark: {
		{"highlights", true, func(q photo.Quality) float64 { return q.Highlights }},
		{"skin", true, func(q photo.Quality) float64 { return q.Skin }},
		{"black", false, func(q photo.Quality) float64 { return q.Black }},
		{"contrast", true, func(q photo.Quality) float64 { return q.Contrast }},
	},
	persona.PhotoOverexposed: {
		{"burnt", false, func(q photo.Quality) float64 { return q.Burnt }},
		{"highlights", false, func(q photo.Quality) float64 { return q.Highlights }},
	},
	persona.PhotoFlat: {
		{"contrast", true, func(q photo.Quality) float64 { return q.Contrast }},
		{"shadows", false, func(q photo.Quality) float64 { return q.Shadows }},
	},
	persona.PhotoUnevenLight: {
		{"|side_light|", false, func(q photo.Quality) float64 { return math.Abs(q.SideLight) }},
	},
	persona.PhotoEyesHidden: {
		{"eyes_hidden", false, func(q photo.Quality) float64 { return q.EyesHidden }},
		{"eyes_dark", false, func(q photo.Quality) float64 { return q.EyesDark }},
		{"hidden.corners", false, func(q photo.Quality) float64 { return q.Hidden.Corners }},
		{"hidden.pupils", false, func(q photo.Quality) float64 { return q.Hidden.Pupils }},
	},
	persona.PhotoEyesClosed: {
		{"eyes_open (wider)", true, func(q photo.Quality) float64 { return max(q.EyesOpen[0], q.EyesOpen[1]) }},
		{"eyes_open (mean)", true, func(q photo.Quality) float64 { return (q.EyesOpen[0] + q.EyesOpen[1]) / 2 }},
	},
	persona.PhotoFaceCovered: {
		{"face_covered", false, func(q photo.Quality) float64 { return q.FaceCovered }},
		{"mouth_line", true, func(q photo.Quality) float64 { return q.MouthLine }},
		{"hidden.mouth", false, func(q photo.Quality) float64 { return q.Hidden.Mouth }},
		{"hidden.nose", false, func(q photo.Quality) float64 { return q.Hidden.Nose }},
		{"lower_colour", false, func(q photo.Quality) float64 { return q.LowerColour }},
	},
	persona.PhotoFaceTooSmall: {
		{"eye_distance", true, func(q photo.Quality) float64 { return q.EyeDistance }},
	},
	persona.PhotoFaceTooLarge: {
		{"head_size", false, func(q photo.Quality) float64 { return q.HeadSize }},
		{"face_share", false, func(q photo.Quality) float64 { return q.FaceShare }},
		{"face_outside", false, func(q photo.Quality) float64 { return q.FaceOutside }},
	},
	persona.PhotoHeadCutOff: {
		{"head_outside", false, func(q photo.Quality) float64 { return q.HeadOutside }},
		{"face_outside", false, func(q photo.Quality) float64 { return q.FaceOutside }},
	},
	persona.PhotoSeveralFaces: {
		{"second_face", false, func(q photo.Quality) float64 { return q.SecondFace }},
	},
	persona.PhotoHeavilyEdited: {
		{"chroma", false, func(q photo.Quality) float64 { return q.Chroma }},
		{"clipped", false, func(q photo.Quality) float64 { return q.Clipped }},
		{"flat", false, func(q photo.Quality) float64 { return q.Flat }},
		{"smooth_skin", false, func(q photo.Quality) float64 { return q.SmoothSkin }},
	},
	persona.PhotoColourCast: {
		{"tint", false, func(q photo.Quality) float64 { return q.Tint }},
		{"|cast|", false, func(q photo.Quality) float64 { return math.Hypot(q.Cast[0], q.Cast[1]) }},
		{"unnatural", false, func(q photo.Quality) float64 { return q.Unnatural }},
	},
	persona.PhotoGreyscale: {
		{"colourful", true, func(q photo.Quality) float64 { return q.Colourful }},
		{"hues", true, func(q photo.Quality) float64 { return q.Hues }},
	},
	persona.PhotoBordered: {
		{"border", false, func(q photo.Quality) float64 { return q.Border }},
	},
}

// separate measures both kinds. Neither may be empty.
func (m measure) separate(yes, no []photo.Measures) Separation {
	sign := 1.0
	if m.below {
		sign = -1
	}
	values := func(all []photo.Measures) []float64 {
		out := make([]float64, len(all))
		for i, one := range all {
			out[i] = sign * m.of(one.Quality)
		}
		return out
	}
	y, n := values(yes), values(no)
	s := Separation{Measure: m.name, Below: m.below, AUC: AUC(y, n), Yes: len(y), No: len(n)}
	s.Caught, s.Cut = AcceptedAt(y, n, falseAlarms)
	s.Cut *= sign
	return s
}
