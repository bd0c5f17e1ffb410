package eval

import (
	"slices"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
)

// Judgement measures how well photos that deserve a code are separated from those that do not.
type Judgement struct {
	Code    persona.PhotoCode `json:"code"`
	Caught  Share             `json:"caught"`  // photos that deserve it and got it
	Refused int               `json:"refused"` // of these, refused for it
	Warned  int               `json:"warned"`  // of these, warned of it
	Anyhow  int               `json:"anyhow"`  // photos that deserve it and were refused for whatever reason

	FalseAlarms   Share `json:"false_alarms"`   // photos that do not deserve it and got it
	FalseRefusals int   `json:"false_refusals"` // of them, refused for it

	Measures []Separation `json:"measures,omitempty"`

	Missed []string `json:"missed,omitempty"` // files
	False  []string `json:"false,omitempty"`
}

// Precision is the share of the photos with the code that deserve it, among those labelled. It depends on the share of
// labelled photos that deserve it.
func (j Judgement) Precision() Share { return Share{j.Caught.N, j.Caught.N + j.FalseAlarms.N} }

// newJudgements returns a Judgement for every code with labels, in the order of the codes.
func newJudgements(all []result) []Judgement {
	var out []Judgement
	for _, advice := range persona.PhotoCodes() {
		if j := newJudgement(all, advice.Code); j.Caught.Of+j.FalseAlarms.Of > 0 {
			out = append(out, j)
		}
	}
	return out
}

func newJudgement(all []result, code persona.PhotoCode) Judgement {
	j := Judgement{Code: code}
	var yes, no []photo.Measures
	for i := range all {
		r := &all[i]
		deserved, known := r.label.Codes[code]
		if !known {
			continue
		}
		j.compare(r, deserved)
		switch {
		case len(r.measures.Descriptor) == 0:
		case deserved:
			yes = append(yes, r.measures)
		default:
			no = append(no, r.measures)
		}
	}
	for _, m := range measuresOf[code] {
		if len(yes) > 0 && len(no) > 0 {
			j.Measures = append(j.Measures, m.separate(yes, no))
		}
	}
	return j
}

func (j *Judgement) compare(r *result, deserved bool) {
	got, refuses := r.has(j.Code)
	if !deserved {
		j.FalseAlarms.count(got)
		if got {
			j.False = append(j.False, r.label.File)
		}
		if refuses {
			j.FalseRefusals++
		}
		return
	}
	j.Caught.count(got)
	if r.refused() {
		j.Anyhow++
	}
	switch {
	case !got:
		j.Missed = append(j.Missed, r.label.File)
	case refuses:
		j.Refused++
	default:
		j.Warned++
	}
}

// Duplicates measures how well copies of a photo are found, by comparing photos pair by pair. Only photos that are labelled
// as a copy or have a copy count.
type Duplicates struct {
	Found  Share       `json:"found"`
	False  Share       `json:"false"` // pairs of other photos that are found as copies
	Missed [][2]string `json:"missed,omitempty"`
	Wrong  [][2]string `json:"wrong,omitempty"`
}

func newDuplicates(all []result) *Duplicates {
	photos := labelledTwins(all)
	out := &Duplicates{}
	for a, one := range photos {
		for _, other := range photos[:a] {
			same := one.measures.SamePhoto(other.measures)
			files := [2]string{other.label.File, one.label.File}
			switch {
			case one.label.DuplicateOf == other.label.File || other.label.DuplicateOf == one.label.File:
				out.Found.count(same)
				if !same {
					out.Missed = append(out.Missed, files)
				}
			case twins(one.label, other.label): // copies of the same photo may differ more from each other
			default:
				out.False.count(same)
				if same {
					out.Wrong = append(out.Wrong, files)
				}
			}
		}
	}
	if out.Found.Of == 0 {
		return nil
	}
	return out
}

// labelledTwins are the decoded photos that are a copy or have one.
func labelledTwins(all []result) []*result {
	var originals []string
	for _, r := range all {
		if r.label.DuplicateOf != "" {
			originals = append(originals, r.label.DuplicateOf)
		}
	}
	slices.Sort(originals)
	var out []*result
	for i := range all {
		r := &all[i]
		_, original := slices.BinarySearch(originals, r.label.File)
		if r.decoded && (original || r.label.DuplicateOf != "") {
			out = append(out, r)
		}
	}
	return out
}
