package photo

import (
	"math"
	"slices"

	"github.com/inflio/persona/internal/persona"
)

// quota is how many photos of one kind a good set of ten has.
type quota struct {
	shot   persona.Shot
	wanted int
}

// variety is what a good set shows of one aspect.
type variety struct {
	aspect persona.Aspect
	weight float64 // of the aspect: it decides the order of the advice
	enough int     // photos of a quota from which there is no advice
	quotas []quota
}

// varieties says what a good set shows. The guide asks for front views, three-quarter views and profiles, for smiling,
// serious and laughing faces, and for various light, distances and backgrounds in 10 to 20 photos, without numbers. The
// quotas divide ten photos by what a model can learn: angles and expressions change the face itself; distance matters
// least, because every photo is cut to the face before training.
var varieties = []variety{
	{persona.AspectPose, 1, 7, []quota{
		{persona.ShotFront, 3}, {persona.ShotHalfLeft, 2}, {persona.ShotHalfRight, 2}, {persona.ShotProfile, 1},
	}},
	{persona.AspectExpression, 0.8, 4, []quota{
		{persona.ShotSerious, 2}, {persona.ShotSmiling, 2}, {persona.ShotLaughing, 1},
	}},
	{persona.AspectLight, 0.7, 4, []quota{
		{persona.ShotSoft, 3}, {persona.ShotSide, 1}, {persona.ShotBright, 1}, {persona.ShotDim, 0},
	}},
	{persona.AspectDistance, 0.3, 4, []quota{
		{persona.ShotCloseUp, 1}, {persona.ShotPortrait, 3}, {persona.ShotHalfBody, 1}, {persona.ShotFullBody, 0},
	}},
	{persona.AspectBackground, 0.9, 3, []quota{{persona.ShotDifferent, 4}}},
}

// Bounds between the kinds of photos.
const (
	frontYaw   = 14.0 // degrees: faces that look into the camera measure up to that
	profileYaw = 38.0 // degrees; the far cheek is gone, and from extremeYaw on the photo is refused

	openMouth  = 0.16 // gap between the lips in eye distances: teeth show from .1 on, and a tenth of portraits is above
	smile      = 0.12 // of smiling: serious people measure up to .1, broad smiles .17 to .3
	calmMouth  = 0.8  // distance of the mouth's corners in eye distances
	sideLight  = 0.8  // |log2| of cheek over cheek: the median is .33, and a lamp 70 degrees to the side gives 1.3
	brightSkin = 0.5  // stops of light on the skin, against the median of the set: skin itself is dark or fair
	dimSkin    = -0.7

	// Shares of the picture's shorter side that the face is wide, which is 14 cm: frames of 30, 60 and 110 cm.
	closeUpShare  = 0.47
	portraitShare = 0.23
	halfBodyShare = 0.125
)

// traits are the kinds of one photo, an entry for each aspect.
type traits struct {
	shots      [4]persona.Shot // pose, expression, light, distance
	background int             // number of its background among those of the set
}

// traitsOf classifies photos. Light is compared with that of the other photos, because skins differ.
func traitsOf(members []Member) []traits {
	skins := make([]float64, 0, len(members))
	for _, m := range members {
		skins = append(skins, skinLight(m.Measures.Quality))
	}
	out := make([]traits, len(members))
	if len(members) == 0 {
		return out
	}
	usual := median(skins)
	var backgrounds []Background
	for i, m := range members {
		q := m.Measures.Quality
		out[i].shots = [4]persona.Shot{
			pose(m.Measures.Face.Yaw), expression(m.Measures), light(q, skins[i]-usual), framing(q.FaceShare),
		}
		at := slices.IndexFunc(backgrounds, q.Background.like)
		if at < 0 {
			at = len(backgrounds)
			backgrounds = append(backgrounds, q.Background)
		}
		out[i].background = at
	}
	return out
}

func pose(yaw float64) persona.Shot {
	switch turned := math.Abs(yaw); {
	case turned < frontYaw:
		return persona.ShotFront
	case turned > profileYaw:
		return persona.ShotProfile
	case yaw < 0:
		return persona.ShotHalfLeft
	default:
		return persona.ShotHalfRight
	}
}

// expression is empty if the mouth was not measured.
func expression(m Measures) persona.Shot {
	switch q := m.Quality; {
	case q.MouthWidth == 0:
		return ""
	case q.MouthOpen > openMouth:
		return persona.ShotLaughing
	case m.Face.cornersUp()+q.MouthOpen+(q.MouthWidth-calmMouth)/2 > smile:
		return persona.ShotSmiling
	default:
		return persona.ShotSerious
	}
}

// cornersUp is how far the corners of the mouth lie above its middle, in eye distances.
func (f Face) cornersUp() float64 {
	if len(f.Landmarks) != landmarkCount {
		return 0
	}
	level := similarity(f.Eyes[0], f.Eyes[1], Point{}, Point{X: 1})
	up := func(a, b int) float64 {
		m := middle(f.Landmarks[a], f.Landmarks[b])
		_, y := level.at(m.X, m.Y)
		return y
	}
	return up(UpperLip, LowerLip) - up(MouthLeft, MouthRight)
}

// light classifies the light on a face; stops is how much brighter the skin is than usual in the set.
func light(q Quality, stops float64) persona.Shot {
	switch {
	case math.Abs(q.SideLight) > sideLight:
		return persona.ShotSide
	case stops > brightSkin:
		return persona.ShotBright
	case stops < dimSkin:
		return persona.ShotDim
	default:
		return persona.ShotSoft
	}
}

// skinLight is the light from the skin in stops.
func skinLight(q Quality) float64 {
	return math.Log2(max(linear[uint8(clamp(q.Skin, 0, 255))], 1e-3))
}

func framing(share float64) persona.Shot {
	switch {
	case share > closeUpShare:
		return persona.ShotCloseUp
	case share > portraitShare:
		return persona.ShotPortrait
	case share > halfBodyShare:
		return persona.ShotHalfBody
	default:
		return persona.ShotFullBody
	}
}

// sameBackground is how much two backgrounds may differ, 0 to 1: drawn ones that are the same differ by .21 at most when
// the person moves, and others by .43 at least.
const sameBackground = 0.33

// like reports whether two backgrounds are probably one.
func (b Background) like(o Background) bool { return b.distance(o) < sameBackground }

// distance is the share of the colours that two backgrounds do not have in common, 0 to 1.
func (b Background) distance(o Background) float64 {
	var sum float64
	for i := range b.Histogram {
		sum += math.Abs(float64(b.Histogram[i] - o.Histogram[i]))
	}
	return sum / 2
}

// tally counts the kinds of some photos.
type tally struct {
	shots       map[persona.Shot]int
	backgrounds map[int]int
}

func newTally() tally { return tally{map[persona.Shot]int{}, map[int]int{}} }

func (t tally) add(of traits) {
	for _, shot := range of.shots {
		t.shots[shot]++
	}
	t.backgrounds[of.background]++
	t.shots[persona.ShotDifferent] = len(t.backgrounds)
}

// coverage returns the counts and quotas, without aspects by which no photo was classified.
func (t tally) coverage() []persona.Coverage {
	var out []persona.Coverage
	for _, v := range varieties {
		c, told := persona.Coverage{Aspect: v.aspect}, 0
		for _, q := range v.quotas {
			c.Kinds = append(c.Kinds, persona.CoverageKind{Kind: q.shot, Count: t.shots[q.shot], Wanted: q.wanted})
			told += t.shots[q.shot]
		}
		if told > 0 {
			out = append(out, c)
		}
	}
	return out
}
