package persona

import (
	"fmt"
	"slices"
)

// Tier is what a customer buys: how many photos are used, and with it time, price and quality.
type Tier string

// The guide's tiers.
const (
	TierBasic    Tier = "basic"
	TierStandard Tier = "standard"
	TierPremium  Tier = "premium"
)

// TierTerms are the terms of a tier, from the guide's table of training costs.
type TierTerms struct {
	Tier      Tier    `json:"tier" enum:"basic,standard,premium"`
	MinPhotos int     `json:"-"`
	MaxPhotos int     `json:"-"`
	Minutes   int     `json:"minutes" doc:"Estimated training time."`
	CostUSD   float64 `json:"cost_usd"`
}

var tiers = []TierTerms{
	{TierBasic, 5, 10, 15, 5},
	{TierStandard, 10, 15, 25, 10},
	{TierPremium, 15, 20, 35, 15},
}

// TermsFor returns the terms of the wanted tier for a number of photos. Without a wanted tier it is the highest that
// the photos reach (10 photos are standard, 15 premium). Asking for more than the photos reach, or for an unknown
// tier, is an *Error with CodeTierInvalid. A lower tier than the photos reach is fine: the best photos are used.
func TermsFor(wanted Tier, photos int) (TierTerms, error) {
	best := tiers[0]
	for _, t := range tiers {
		if wanted == t.Tier {
			if photos < t.MinPhotos {
				return TierTerms{}, &Error{
					Kind: Invalid, Code: CodeTierInvalid, Fields: []string{"tier"},
					Message: fmt.Sprintf("The %s tier needs at least %d photos; %d came.", t.Tier, t.MinPhotos, photos),
				}
			}
			return t, nil
		}
		if photos >= t.MinPhotos {
			best = t
		}
	}
	if wanted != "" {
		return TierTerms{}, &Error{
			Kind: Invalid, Code: CodeTierInvalid, Fields: []string{"tier"},
			Message: "tier must be basic, standard or premium.",
		}
	}
	return best, nil
}

// mostAdvice is how many sentences of advice a report has at most.
const mostAdvice = 5

// enough is a number of photos that reaches every tier.
const enough = 1 << 10

// SettledTier returns the tier that a version is trained and sold as: the one that was ordered, or the best that its
// photos reach when that is lower. reached is "" when too few photos are used for any tier; the order then stands.
func SettledTier(ordered, reached Tier) Tier {
	rank := func(t Tier) int {
		return slices.IndexFunc(tiers, func(terms TierTerms) bool { return terms.Tier == t })
	}
	if reached != "" && rank(reached) < rank(ordered) {
		return reached
	}
	return ordered
}

// Settle notes in the report of a chosen set that its photos do not reach the tier that was ordered, and advises what
// would.
func (r *SetReport) Settle(ordered Tier) {
	settled := SettledTier(ordered, r.Tier)
	if settled == ordered {
		return
	}
	terms, err := TermsFor(ordered, enough)
	if err != nil {
		return
	}
	r.Ordered = ordered
	advice := fmt.Sprintf("Only %d photos can be used, so this is a %s training; %s needs at least %d good photos.",
		r.Used, settled, ordered, terms.MinPhotos)
	r.Advice = append([]string{advice}, r.Advice[:min(len(r.Advice), mostAdvice-1)]...)
}
