package photo

import (
	"math"

	"github.com/inflio/persona/internal/persona"
)

// scale maps a measured value to 0 at from and 100 at to, straight or on a logarithmic axis, clamped. from may lie
// above to.
type scale struct {
	from, to float64
	log      bool
}

func (s scale) score(v float64) float64 {
	if s.log {
		return scale{from: math.Log(s.from), to: math.Log(s.to)}.score(math.Log(max(v, 1e-9)))
	}
	return 100 * clamp((v-s.from)/(s.to-s.from), 0, 1)
}

// The scales of all scores. Sources: OFIQ is the reference implementation of ISO/IEC 29794-5
// (BSI-OFIQ/OFIQ-Project 1.0.3); percentiles are those of 220 to 250 faces of public test sets.
var (
	// weights of the guide's overall score, a weighted average. Sharpness and light matter most for what a model learns.
	weights = persona.Score{Resolution: 0.20, Sharpness: 0.30, Lighting: 0.30, FaceDetection: 0.20}

	// shorterSide: 60 at the guide's minimum of 512 pixels, 100 at its recommended 1024.
	shorterSide = scale{from: 181, to: 1024, log: true}
	// eyeDistance is OFIQ's sigmoid of the inter-eye distance: 70 pixels are 50, 90 are 73, 130 are 95.
	eyeDistanceMiddle, eyeDistanceWidth = 70.0, 20.0

	// fine detail over coarse: .29 to .54 on sharp faces (5 to 95 %), median .39; .18 after a blur of 2 % of the
	// eye distance, .13 after one of 3 %.
	detail = scale{from: 0.13, to: 0.39, log: true}

	// highlights is the 95th percentile of the face's luma: 112 to 237 on normal ones, 57 to 126 two stops under.
	highlights = scale{from: 50, to: 115}
	// burnt share: 0 to .002 on normal faces, .096 one and a half stops over.
	burntShare = scale{from: 0.20, to: 0.01}
	// contrast is the standard deviation of the face's luma.
	contrast = scale{from: 6, to: 22}
	// evenness: |log2| of cheek over cheek; the median is .33, the 95th percentile 1.98.
	evenness = scale{from: 5, to: 1.2}

	// certainty of the detector: it saturates, because Q has no upper limit; 280 is the median of frontal faces.
	certaintyQ = 120.0
	// hiddenParts is the mean scatter of the landmarks.
	hiddenParts = scale{from: 0.25, to: 0.04}
)

// score computes the guide's scores from the measures. All parts are 0 to 100:
//
//	resolution     geometric mean of the shorter side's and the eye distance's score
//	sharpness      fine over coarse detail of the aligned face, logarithmic
//	lighting       product of highlights, burnt share, contrast and evenness
//	face_detection (1 - e^(-Q/120)) cos²(roll) times the landmarks' agreement
//	overall        weighted average
func score(w, h int, f seen, q Quality) persona.Score {
	eyes := 100 / (1 + math.Exp(-(f.IED()-eyeDistanceMiddle)/eyeDistanceWidth))
	roll := math.Cos(clamp(f.Roll, -90, 90) * math.Pi / 180)
	s := persona.Score{
		Resolution: math.Sqrt(shorterSide.score(float64(min(w, h))) * eyes),
		Sharpness:  detail.score(q.Fineness),
		Lighting: 100 * highlights.score(q.Highlights) / 100 * burntShare.score(q.Burnt) / 100 *
			contrast.score(q.Contrast) / 100 * evenness.score(math.Abs(q.SideLight)) / 100,
		FaceDetection: (1 - math.Exp(-f.Q/certaintyQ)) * roll * roll *
			hiddenParts.score((f.scatter.corners+f.scatter.nose+f.scatter.mouth)/3),
	}
	return overall(s)
}

// overall rounds the parts to a tenth and adds their weighted average.
func overall(s persona.Score) persona.Score {
	tenth := func(v float64) float64 { return math.Round(10*v) / 10 }
	s.Resolution, s.Sharpness = tenth(s.Resolution), tenth(s.Sharpness)
	s.Lighting, s.FaceDetection = tenth(s.Lighting), tenth(s.FaceDetection)
	s.Overall = tenth(weights.Resolution*s.Resolution + weights.Sharpness*s.Sharpness +
		weights.Lighting*s.Lighting + weights.FaceDetection*s.FaceDetection)
	return s
}
