package eval

// Identity measures how well descriptors distinguish people, on pairs of photos with a descriptor. Copies of one photo are
// not a pair.
type Identity struct {
	DescribedBy string `json:"described_by"`
	People      int    `json:"people"`
	Photos      int    `json:"photos"`
	Same        int    `json:"same"`      // pairs of photos of one person
	Different   int    `json:"different"` // pairs of photos of two people

	AUC    float64 `json:"auc"`     // how often a pair of one person is more alike than a pair of two
	EER    float64 `json:"eer"`     // share of wrong answers where both kinds are equally frequent
	EERCut float64 `json:"eer_cut"` // similarity at that point

	At []Operating `json:"at"`
}

// Operating is the share of pairs of one person that are accepted at a given rate of false accepts.
type Operating struct {
	FalseAccepts float64 `json:"false_accepts"`
	Accepted     Share   `json:"accepted"`
	Cut          float64 `json:"cut"` // pairs with a greater similarity are accepted
}

const (
	mostPairs = 1_000_000 // of each kind; of more pairs, every second, third … is used
	manyPairs = 3000      // of two people, so that three of them may be accepted at .1 %
)

// described are the photos with a name and a descriptor, of one describer.
func described(all []result) []*result {
	var out []*result
	for i := range all {
		if r := &all[i]; r.label.Person != "" && len(r.measures.Descriptor) > 0 && !r.elsewhere() {
			out = append(out, r)
		}
	}
	return out
}

func newIdentity(all []result) *Identity {
	faces := described(all)
	people := numbered(faces)
	same, different := countPairs(people)
	if same == 0 || different == 0 {
		return nil
	}
	everySame, everyDifferent := same/mostPairs+1, different/mostPairs+1
	var alike, unlike []float64
	for a, one := range faces {
		for b, other := range faces[:a] {
			if people[a] == people[b] {
				if same--; same%everySame == 0 && !twins(one.label, other.label) {
					alike = append(alike, one.measures.Descriptor.Similarity(other.measures.Descriptor))
				}
				continue
			}
			if different--; different%everyDifferent == 0 {
				unlike = append(unlike, one.measures.Descriptor.Similarity(other.measures.Descriptor))
			}
		}
	}
	if len(alike) == 0 {
		return nil
	}
	out := &Identity{
		DescribedBy: faces[0].measures.DescribedBy, Photos: len(faces), Same: len(alike), Different: len(unlike),
		AUC: AUC(alike, unlike),
	}
	for _, n := range people {
		out.People = max(out.People, n+1)
	}
	out.EER, out.EERCut = EER(alike, unlike)
	out.at(alike, unlike, 0.01)
	if len(unlike) >= manyPairs {
		out.at(alike, unlike, 0.001)
	}
	return out
}

func (i *Identity) at(alike, unlike []float64, rate float64) {
	accepted, cut := AcceptedAt(alike, unlike, rate)
	i.At = append(i.At, Operating{rate, accepted, cut})
}

// numbered gives each person a number from 0, because numbers are faster to compare than names.
func numbered(faces []*result) []int {
	numbers := map[string]int{}
	out := make([]int, len(faces))
	for i, r := range faces {
		n, there := numbers[r.label.Person]
		if !there {
			n = len(numbers)
			numbers[r.label.Person] = n
		}
		out[i] = n
	}
	return out
}

func countPairs(people []int) (same, different int) {
	photos := map[int]int{}
	for n, p := range people {
		same += photos[p]
		different += n - photos[p]
		photos[p]++
	}
	return same, different
}

// twins reports whether two photos are labelled as copies, of each other or of the same third one.
func twins(a, b *Label) bool {
	return a.DuplicateOf == b.File || b.DuplicateOf == a.File || a.DuplicateOf != "" && a.DuplicateOf == b.DuplicateOf
}
