package persona

// SetReport describes the photos of a set together: how many are good, what they show, and what is missing. It has counts and
// sentences, no picture data.
type SetReport struct {
	Photos   int        `json:"photos" doc:"Photos that came."`
	Accepted int        `json:"accepted" doc:"Photos that are good enough, each by itself."`
	Used     int        `json:"used" doc:"Photos that are trained on, or would be: without copies, other people, and more than are needed."`
	Ordered  Tier       `json:"ordered_tier,omitempty" enum:"basic,standard,premium" doc:"Tier that was ordered, when the used photos do not reach it."`
	Tier     Tier       `json:"tier,omitempty" enum:"basic,standard,premium" doc:"Best tier that the used photos reach; absent when they are too few."`
	Coverage []Coverage `json:"coverage,omitempty" doc:"How the used photos vary; absent when none is used."`
	Advice   []string   `json:"advice,omitempty" doc:"What would help, most useful first; a sentence each, five at most. Absent when the set is good."`
}

// Coverage is how the used photos vary in one respect.
type Coverage struct {
	Aspect Aspect         `json:"aspect" enum:"pose,expression,light,distance,background"`
	Kinds  []CoverageKind `json:"kinds"`
}

// CoverageKind is one kind of photo of an aspect, such as profiles among the poses.
type CoverageKind struct {
	Kind   Shot `json:"kind" enum:"front,half_left,half_right,profile,serious,smiling,laughing,soft,side,bright,dim,close_up,portrait,half_body,full_body,different"`
	Count  int  `json:"count" doc:"Used photos of this kind; of the kind different, how many different backgrounds there are."`
	Wanted int  `json:"wanted" doc:"How many a good set has; 0 where it needs none."`
}

// Aspect is one respect in which the photos of a set should vary.
type Aspect string

// The aspects, in the order in which they matter for a likeness.
const (
	AspectPose       Aspect = "pose"
	AspectExpression Aspect = "expression"
	AspectLight      Aspect = "light"
	AspectDistance   Aspect = "distance"
	AspectBackground Aspect = "background"
)

// Shot is one kind of photo. Shots are part of the API and are never renamed.
type Shot string

// The shots. Left and right are those of the picture.
const (
	ShotFront     Shot = "front"
	ShotHalfLeft  Shot = "half_left" // the nose points to the left of the picture
	ShotHalfRight Shot = "half_right"
	ShotProfile   Shot = "profile" // turned as far as can be used, to either side

	ShotSerious  Shot = "serious"
	ShotSmiling  Shot = "smiling"
	ShotLaughing Shot = "laughing" // or speaking: the mouth is open

	ShotSoft   Shot = "soft" // even light on the face
	ShotSide   Shot = "side" // one side of the face is much brighter
	ShotBright Shot = "bright"
	ShotDim    Shot = "dim"

	ShotCloseUp  Shot = "close_up"
	ShotPortrait Shot = "portrait" // head and shoulders
	ShotHalfBody Shot = "half_body"
	ShotFullBody Shot = "full_body"

	ShotDifferent Shot = "different" // counts different backgrounds
)
