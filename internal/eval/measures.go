package eval

import (
	"math"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
)

// Separation tells how well one measure separates photos that deserve a code from those that do not, whatever the cut.
// Only photos whose face was measured count.
type Separation struct {
	Measure string  `json:"measure"` // as in the JSON of a photo's Measures
	Below   bool    `json:"below"`   // smaller values deserve the code
	AUC     float64 `json:"auc"`     // .5 is chance; under .5 the measure points the wrong way
	Yes     int     `json:"yes"`     // photos that deserve it
	No      int     `json:"no"`

	// Caught are the photos that deserve it and are found by the cut Cut, which finds 2 % of the others, too.
	Caught Share   `json:"caught_at_2"`
	Cut    float64 `json:"cut_at_2"`
}

const falseAlarms = 0.02 // share of the photos that do not deserve a code that Separation's cut finds

// measure is a number behind a judgement.
type measure struct {
	name  string
	below bool // smaller values deserve the code; otherwise larger ones do
	of    func(photo.Measures) float64
}

// measuresOf lists the measures of each code. A judgement may combine several of them.
var measuresOf = map[persona.PhotoCode][]measure{
	persona.PhotoBlurred: {
		{"fineness", true, func(m photo.Measures) float64 { return m.Quality.Fineness }},
	},
	persona.PhotoTooDark: {
		{"highlights", true, func(m photo.Measures) float64 { return m.Quality.Highlights }},
		{"skin", true, func(m photo.Measures) float64 { return m.Quality.Skin }},
		{"black", false, func(m photo.Measures) float64 { return m.Quality.Black }},
		{"contrast", true, func(m photo.Measures) float64 { return m.Quality.Contrast }},
	},
	persona.PhotoOverexposed: {
		{"burnt", false, func(m photo.Measures) float64 { return m.Quality.Burnt }},
		{"highlights", false, func(m photo.Measures) float64 { return m.Quality.Highlights }},
	},
	persona.PhotoFlat: {
		{"contrast", true, func(m photo.Measures) float64 { return m.Quality.Contrast }},
		{"shadows", false, func(m photo.Measures) float64 { return m.Quality.Shadows }},
	},
	persona.PhotoUnevenLight: {
		{"|side_light|", false, func(m photo.Measures) float64 { return math.Abs(m.Quality.SideLight) }},
	},
	persona.PhotoEyesHidden: {
		{"eyes_hidden", false, func(m photo.Measures) float64 { return m.Quality.EyesHidden }},
		{"eyes_dark", false, func(m photo.Measures) float64 { return m.Quality.EyesDark }},
		{"hidden.corners", false, func(m photo.Measures) float64 { return m.Quality.Hidden.Corners }},
		{"hidden.pupils", false, func(m photo.Measures) float64 { return m.Quality.Hidden.Pupils }},
	},
	persona.PhotoEyesClosed: {
		{"eyes_open (wider)", true, func(m photo.Measures) float64 { return max(m.Quality.EyesOpen[0], m.Quality.EyesOpen[1]) }},
		{"eyes_open (mean)", true, func(m photo.Measures) float64 { return (m.Quality.EyesOpen[0] + m.Quality.EyesOpen[1]) / 2 }},
	},
	persona.PhotoFaceCovered: {
		{"face_covered", false, func(m photo.Measures) float64 { return m.Quality.FaceCovered }},
		{"mouth_line", true, func(m photo.Measures) float64 { return m.Quality.MouthLine }},
		{"hidden.mouth", false, func(m photo.Measures) float64 { return m.Quality.Hidden.Mouth }},
		{"hidden.nose", false, func(m photo.Measures) float64 { return m.Quality.Hidden.Nose }},
		{"lower_colour", false, func(m photo.Measures) float64 { return m.Quality.LowerColour }},
	},
	persona.PhotoFaceTooSmall: {
		{"eye_distance", true, func(m photo.Measures) float64 { return m.Quality.EyeDistance }},
	},
	persona.PhotoFaceTooLarge: {
		{"head_size", false, func(m photo.Measures) float64 { return m.Quality.HeadSize }},
		{"face_share", false, func(m photo.Measures) float64 { return m.Quality.FaceShare }},
		{"face_outside", false, func(m photo.Measures) float64 { return m.Quality.FaceOutside }},
	},
	persona.PhotoHeadCutOff: {
		{"head_outside", false, func(m photo.Measures) float64 { return m.Quality.HeadOutside }},
		{"face_outside", false, func(m photo.Measures) float64 { return m.Quality.FaceOutside }},
	},
	persona.PhotoSeveralFaces: {
		{"second_face", false, func(m photo.Measures) float64 { return m.Quality.SecondFace }},
	},
	persona.PhotoExtremeAngle: {
		{"|yaw|", false, func(m photo.Measures) float64 { return math.Abs(m.Face.Yaw) }},
	},
	persona.PhotoTilted: {
		{"|roll|", false, func(m photo.Measures) float64 { return math.Abs(m.Face.Roll) }},
	},
	persona.PhotoLowScore: {
		{"overall", true, func(m photo.Measures) float64 { return m.Score.Overall }},
	},
	persona.PhotoHeavilyEdited: {
		{"chroma", false, func(m photo.Measures) float64 { return m.Quality.Chroma }},
		{"clipped", false, func(m photo.Measures) float64 { return m.Quality.Clipped }},
		{"flat", false, func(m photo.Measures) float64 { return m.Quality.Flat }},
		{"smooth_skin", false, func(m photo.Measures) float64 { return m.Quality.SmoothSkin }},
	},
	persona.PhotoColourCast: {
		{"tint", false, func(m photo.Measures) float64 { return m.Quality.Tint }},
		{"|cast|", false, func(m photo.Measures) float64 { return math.Hypot(m.Quality.Cast[0], m.Quality.Cast[1]) }},
		{"unnatural", false, func(m photo.Measures) float64 { return m.Quality.Unnatural }},
	},
	persona.PhotoGreyscale: {
		{"colourful", true, func(m photo.Measures) float64 { return m.Quality.Colourful }},
		{"hues", true, func(m photo.Measures) float64 { return m.Quality.Hues }},
	},
	persona.PhotoBordered: {
		{"border", false, func(m photo.Measures) float64 { return m.Quality.Border }},
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
			out[i] = sign * m.of(one)
		}
		return out
	}
	y, n := values(yes), values(no)
	s := Separation{Measure: m.name, Below: m.below, AUC: AUC(y, n), Yes: len(y), No: len(n)}
	s.Caught, s.Cut = AcceptedAt(y, n, falseAlarms)
	s.Cut *= sign
	return s
}
