package eval_test

import (
	"crypto/sha512"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/eval"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
)

// face is a picture of 1000 x 800 with n faces, the main one with its eyes 100 pixels apart around x, 300.
func face(n int, x float64) photo.Measures {
	m := photo.Measures{Width: 1000, Height: 800, Faces: n}
	if n > 0 {
		m.Face.Eyes = [2]photo.Point{{X: x - 50, Y: 300}, {X: x + 50, Y: 300}}
		m.Descriptor, m.DescribedBy = photo.Descriptor{1}, photo.Classical().Name()
	}
	return m
}

func eyesAt(x float64) *[2]photo.Point {
	return &[2]photo.Point{{X: x - 50, Y: 300}, {X: x + 50, Y: 300}}
}

func TestDetection(t *testing.T) {
	t.Parallel()
	labels := []eval.Label{
		{File: "found", Faces: 1, Eyes: eyesAt(400), Yaw: new(-20.0)},
		{File: "off by 8", Faces: -1, Eyes: eyesAt(400), Yaw: new(5.0)},
		{File: "elsewhere", Faces: 1, Eyes: eyesAt(400), Yaw: new(70.0)},
		{File: "nothing", Faces: 1, Eyes: eyesAt(400), Yaw: new(50.0)},
		{File: "two for one", Faces: 1},
		{File: "one for two", Faces: 2, Eyes: eyesAt(400)},
		{File: "two", Faces: 2},
		{File: "named", Faces: -1, Person: "anna"},
		{File: "unknown", Faces: -1},
		{File: "false", Faces: 0},
		{File: "none", Faces: 0},
		{File: "false too", Faces: 0},
	}
	good := face(1, 900)
	good.Score.Overall = 90
	r := eval.ReportOf(labels, []photo.Measures{
		face(1, 400), face(1, 408), face(1, 600), face(0, 0), face(2, 100), face(1, 900), face(2, 0), face(1, 0), face(1, 0),
		good, face(0, 0), face(3, 0),
	})
	d := r.Detection
	require.Equal(t, eval.Share{N: 6, Of: 8}, d.Found)
	require.Equal(t, []string{"elsewhere", "nothing"}, d.Missed)
	require.Equal(t, 1, d.Elsewhere)
	require.Equal(t, eval.Share{N: 2, Of: 3}, d.False)
	require.Equal(t, 4, d.FalseFaces)
	require.Equal(t, 1, d.FalseAccepted)
	require.Equal(t, []string{"false", "false too"}, d.Imagined)
	require.Equal(t, eval.Share{N: 1, Of: 3}, d.SeveralForOne, "of one person: found, elsewhere, two for one")
	require.Equal(t, eval.Share{N: 1, Of: 2}, d.OneForSeveral)
	require.Equal(t, []eval.Class{{Name: "8 to 15 %", Found: eval.Share{N: 3, Of: 5}}}, d.BySize, "100 of 800 pixels")
	require.Equal(t, []eval.Class{
		{Name: "0 to 15 degrees", Found: eval.Share{N: 1, Of: 1}},
		{Name: "15 to 30 degrees", Found: eval.Share{N: 1, Of: 1}},
		{Name: "45 to 60 degrees", Found: eval.Share{N: 0, Of: 1}},
		{Name: "60 degrees and more", Found: eval.Share{N: 0, Of: 1}},
	}, d.ByYaw)

	require.Equal(t, 2, r.Eyes.Photos, "found and of one person")
	require.InDelta(t, 0.04, r.Eyes.Median, exact)
	require.Equal(t, eval.Share{N: 1, Of: 2}, r.Eyes.Under5)
	require.Equal(t, eval.Share{N: 2, Of: 2}, r.Eyes.Under10)
	require.Equal(t, 2, r.Yaw.Photos)
	require.InDelta(t, 12.5, r.Yaw.Median, exact, "20 and 5 degrees off")
	require.Nil(t, r.Roll)
	require.Nil(t, r.Identity)
	require.Nil(t, r.Sets)
	require.Nil(t, r.Duplicates)
	require.Empty(t, r.Judgements)
}

// The worse eye counts, whichever order the eyes of a lying head come in, and angles go round.
func TestEyesAndAngles(t *testing.T) {
	t.Parallel()
	lying := photo.Measures{Width: 100, Height: 100, Faces: 1}
	lying.Face.Eyes = [2]photo.Point{{X: 50, Y: 70}, {X: 51, Y: 20}}
	lying.Face.Roll = -179
	r := eval.ReportOf([]eval.Label{{
		File: "lying", Faces: 1, Roll: new(178.0), Eyes: &[2]photo.Point{{X: 50, Y: 20}, {X: 50, Y: 60}},
	}}, []photo.Measures{lying})
	require.InDelta(t, 10.0/40, r.Eyes.Median, exact)
	require.InDelta(t, 3, r.Roll.Median, exact)
}

// people are photos of each person: descriptors of one are much alike, of two not at all.
func people(names string, each int) ([]eval.Label, []photo.Measures) {
	var labels []eval.Label
	var measures []photo.Measures
	for p, name := range names {
		for i := range each {
			m := face(1, 400)
			m.Score.Overall = float64(80 - i)
			file := fmt.Sprintf("%c%d", name, i)
			m.Hash.Picture, m.Hash.Mirrored = sha512.Sum512([]byte(file)), sha512.Sum512([]byte(file+" mirrored")) // no copies
			m.Descriptor = make(photo.Descriptor, len(names)+each)
			m.Descriptor[p], m.Descriptor[len(names)+i] = 1, 0.2
			labels = append(labels, eval.Label{File: file, Faces: 1, Person: string(name), Set: string(name)})
			measures = append(measures, m)
		}
	}
	return labels, measures
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	labels, measures := people("ab", 3)
	labels[1].DuplicateOf = labels[0].File
	i := eval.ReportOf(labels, measures).Identity
	require.Equal(t, photo.Classical().Name(), i.DescribedBy)
	require.Equal(t, 2, i.People)
	require.Equal(t, 6, i.Photos)
	require.Equal(t, 5, i.Same, "three for each person, without the copy")
	require.Equal(t, 9, i.Different)
	require.InDelta(t, 1, i.AUC, exact)
	require.InDelta(t, 0, i.EER, exact)
	require.Len(t, i.At, 1, "too few pairs for .1 %")
	require.Equal(t, eval.Share{N: 5, Of: 5}, i.At[0].Accepted)

	labels, measures = people("abcdefghij", 9)
	i = eval.ReportOf(labels, measures).Identity
	require.Equal(t, 10*9*8/2, i.Same)
	require.Equal(t, 90*89/2-i.Same, i.Different)
	require.Len(t, i.At, 2)

	labels, measures = people("a", 5)
	require.Nil(t, eval.ReportOf(labels, measures).Identity, "nobody to be told from")
}

func TestSets(t *testing.T) {
	t.Parallel()
	labels, measures := people("ab", 6)
	s := eval.ReportOf(labels, measures).Sets
	require.Equal(t, eval.Share{N: 0, Of: 2}, s.Clean)
	require.Equal(t, eval.Share{N: 0, Of: 12}, s.CleanPhotos)
	require.Equal(t, eval.Share{N: 12, Of: 12}, s.Intruder, "each photo of one put among those of the other")
	require.Equal(t, 12, s.Unlike+s.TwoPeople)
	require.Equal(t, eval.Share{N: 0, Of: 72}, s.Beside)

	// A stranger's photo under the person's name: it is named, and the labels call that a mistake.
	labels, measures = people("ab", 6)
	labels[6].Person, labels[6].Set = "a", "a"
	s = eval.ReportOf(labels, measures).Sets
	require.Equal(t, eval.Share{N: 1, Of: 2}, s.Clean)
	require.Equal(t, eval.Share{N: 1, Of: 12}, s.CleanPhotos)

	labels, measures = people("ab", 3)
	require.Nil(t, eval.ReportOf(labels, measures).Sets, "too few photos of each")

	// More trials than are made: they are spread over all sets.
	labels, measures = people("abcdefghij", 6)
	s = eval.ReportOf(labels, measures).Sets
	require.Equal(t, 10, s.Clean.Of)
	require.Equal(t, eval.Share{N: 500, Of: 500}, s.Intruder)
}

func TestJudgements(t *testing.T) {
	t.Parallel()
	blurred := func(fineness float64, findings ...persona.Finding) photo.Measures {
		m := face(1, 400)
		m.Quality.Fineness, m.Findings = fineness, findings
		return m
	}
	refusal := persona.NewFinding(persona.PhotoBlurred, true, "")
	warning := persona.NewFinding(persona.PhotoBlurred, false, "")
	dark := persona.NewFinding(persona.PhotoTooDark, true, "")
	yes, no := map[persona.PhotoCode]bool{persona.PhotoBlurred: true}, map[persona.PhotoCode]bool{persona.PhotoBlurred: false}
	unmeasured := blurred(0, dark)
	unmeasured.Descriptor = nil
	r := eval.ReportOf([]eval.Label{
		{File: "a", Codes: yes},
		{File: "b", Codes: yes},
		{File: "c", Codes: yes},
		{File: "d", Codes: yes},
		{File: "e", Codes: yes},
		{File: "f", Codes: no},
		{File: "g", Codes: no},
		{File: "h", Codes: no},
		{File: "i"},
	}, []photo.Measures{
		blurred(0.02, refusal), blurred(0.03, warning), blurred(0.2), blurred(0.05, dark), unmeasured,
		blurred(0.04, refusal), blurred(0.1, warning), blurred(0.3), blurred(0.01, refusal),
	})
	require.Len(t, r.Judgements, 1)
	j := r.Judgements[0]
	require.Equal(t, persona.PhotoBlurred, j.Code)
	require.Equal(t, eval.Share{N: 2, Of: 5}, j.Caught)
	require.Equal(t, []int{1, 1, 3}, []int{j.Refused, j.Warned, j.Anyhow})
	require.Equal(t, eval.Share{N: 2, Of: 3}, j.FalseAlarms)
	require.Equal(t, 1, j.FalseRefusals)
	require.Equal(t, eval.Share{N: 2, Of: 4}, j.Precision())
	require.Equal(t, []string{"c", "d", "e"}, j.Missed)
	require.Equal(t, []string{"f", "g"}, j.False)

	require.Equal(t, "fineness", j.Measures[0].Measure)
	m := j.Measures[0]
	require.True(t, m.Below)
	require.Equal(t, []int{4, 3}, []int{m.Yes, m.No}, "only measured faces count")
	// .02 and .03 are below all three others, .05 below two, .2 below one.
	require.InDelta(t, 9.0/12, m.AUC, exact)
	require.Equal(t, eval.Share{N: 2, Of: 4}, m.Caught)
	require.InDelta(t, 0.04, m.Cut, exact)
}

func TestDuplicates(t *testing.T) {
	t.Parallel()
	picture := func(stripes ...int) photo.Measures {
		m := photo.Measures{Width: 10, Height: 10}
		for _, s := range stripes { // 128 bits each
			for b := range 16 {
				m.Hash.Picture[16*s+b], m.Hash.Mirrored[16*s+b] = 0xFF, 0xFF
			}
		}
		return m
	}
	r := eval.ReportOf([]eval.Label{
		{File: "a"},
		{File: "copy of a", DuplicateOf: "a"},
		{File: "second copy", DuplicateOf: "a"},
		{File: "b"},
		{File: "unknown copy", DuplicateOf: "b"},
		{File: "no copy"},
	}, []photo.Measures{picture(0), picture(0), picture(0), picture(1), picture(0), picture(0)})
	d := r.Duplicates
	require.Equal(t, eval.Share{N: 2, Of: 3}, d.Found)
	require.Equal(t, [][2]string{{"b", "unknown copy"}}, d.Missed)
	require.Equal(t, eval.Share{N: 3, Of: 6}, d.False, "three with b that differ, three with its false copy that do not")
	require.Len(t, d.Wrong, 3)
}
