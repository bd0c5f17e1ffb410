package photo

import (
	"math"

	"github.com/inflio/persona/internal/persona"
)

// What a photo adds to a set besides its own score, in points of the score: up to varietyPoints for each aspect of which
// more photos are wanted; alikePoints are subtracted if the set already has a photo of the same moment.
const (
	varietyPoints = 6
	alikePoints   = 12
)

// keepBest keeps at most use photos. It takes the photo that the person named, and then repeatedly the one that adds most
// to those taken: its score and what it shows that they do not.
func keepBest(members []Member, choices []Choice, alike [][]likeness, use int) {
	order := ranked(members, choices)
	if len(order) <= use {
		return
	}
	inOrder := make([]Member, len(order))
	for at, i := range order {
		inOrder[at] = members[i]
	}
	shown := traitsOf(inOrder)
	taken, have := make([]bool, len(order)), newTally()
	for range use {
		best, next := math.Inf(-1), -1
		for at, i := range order {
			if taken[at] {
				continue
			}
			gain := rank(members[i]) + have.gain(shown[at])
			for other, k := range order {
				if taken[other] && alike[i][k] >= veryAlike {
					gain -= alikePoints
					break
				}
			}
			if gain > best {
				best, next = gain, at
			}
		}
		if next < 0 { // the gain of those left is not a number
			break
		}
		taken[next] = true
		have.add(shown[next])
	}
	for at, i := range order {
		if !taken[at] {
			choices[i].Use = false
			choices[i].Findings = append(choices[i].Findings, persona.NewFinding(persona.PhotoNotAmongBest, false, ""))
		}
	}
}

// gain is what a photo adds to the variety of those counted, in points.
func (t tally) gain(of traits) float64 {
	var points float64
	for i, v := range varieties {
		shot := persona.ShotDifferent
		if v.aspect != persona.AspectBackground {
			shot = of.shots[i]
		} else if t.backgrounds[of.background] > 0 {
			continue
		}
		for _, q := range v.quotas {
			if q.shot == shot && q.wanted > 0 {
				points += varietyPoints * v.weight * max(0, 1-float64(t.shots[shot])/float64(q.wanted))
			}
		}
	}
	return points
}

// Deductions when the primary photo is chosen, in points of the overall score.
const (
	perDegreeTurned = 0.5
	perDegreeTilted = 0.25
	perStopOfSide   = 4.0  // of uneven light
	closedEyes      = 30.0 // times how far they are from open
	openMouthPoints = 8.0
	headCutOff      = 60.0 // times the share of the head outside
	notAlone        = 10.0
)

// choosePrimary marks the photo that represents the persona: the one that the person named if it is used, else the one
// with the best score less deductions.
func choosePrimary(members []Member, choices []Choice) {
	best, at := math.Inf(-1), -1
	for _, i := range ranked(members, choices) {
		if v := rank(members[i]) - members[i].Measures.faults(); v > best {
			best, at = v, i
		}
	}
	if at >= 0 {
		choices[at].Primary = true
	}
}

func (m Measures) faults() float64 {
	q := m.Quality
	points := perDegreeTurned*math.Abs(m.Face.Yaw) + perDegreeTilted*math.Abs(m.Face.Roll) +
		perStopOfSide*math.Abs(q.SideLight) + closedEyes*max(0, 0.5-min(q.EyesOpen[0], q.EyesOpen[1])) +
		headCutOff*q.HeadOutside
	if q.MouthOpen > openMouth {
		points += openMouthPoints
	}
	if q.SecondFace > 0 {
		points += notAlone
	}
	return points
}
