package persona

// SetReport is what the photos of a set tell together: how many are good, what they show, and what is missing.
type SetReport struct {
	Photos   int        `json:"photos" doc:"Photos that came."`
	Used     int        `json:"used" doc:"Photos that would be trained on."`
	Tier     Tier       `json:"tier,omitempty" doc:"Best tier that the used photos reach; absent when they are too few."`
	Coverage []Coverage `json:"coverage,omitempty"`
	Advice   []string   `json:"advice,omitempty" doc:"What would help, most useful first; a sentence each."`
}

// Coverage tells how the used photos vary in one respect.
type Coverage struct {
	Aspect string         `json:"aspect" enum:"pose,expression,light,distance,background"`
	Kinds  []CoverageKind `json:"kinds"`
}

// CoverageKind is one kind of photo of an aspect, such as profiles among the poses.
type CoverageKind struct {
	Kind   string `json:"kind"`
	Photos int    `json:"photos" doc:"Used photos of this kind."`
	Wanted int    `json:"wanted" doc:"How many a good set has; 0 where it needs none."`
}
