package persona

import "strings"

// validationScenes are the guide's three test prompts without the trigger word.
var validationScenes = []string{"professional headshot", "casual portrait", "speaking at conference"}

// Scenes is how many test prompts there are.
const Scenes = 3

// ValidationPrompt returns test prompt i (0 to Scenes-1): with the trigger word in front, or without it to see what
// the model shows when it was not called.
func ValidationPrompt(i int, trigger string) string {
	return strings.TrimSpace(trigger + " " + validationScenes[i%Scenes])
}

// Caption is the text that goes with a training picture: it must carry the trigger word, since trainers ignore their
// own trigger setting when captions are given.
func Caption(trigger string) string { return "a photo of " + trigger }

// Strengths are the blend strengths that validation tries, weakest first: the guide's useful range.
func Strengths() []float64 { return []float64{0.3, 0.4, 0.5, 0.6, 0.7, 0.8} }

// StrengthScore is what validation saw at one blend strength, each a share or mean of 0 to 1.
type StrengthScore struct {
	Strength    float64 `json:"strength"`
	Consistency float64 `json:"consistency" doc:"Share of pictures as close to the person as the own photos."`
	Closeness   float64 `json:"closeness" doc:"Mean similarity to the person, -1 to 1."`
	Quality     float64 `json:"quality" doc:"Mean overall photo score over 100."`
}

// BestStrength picks the strength to use by default: the one at which consistency, quality and closeness multiply to
// the most, that is the strongest likeness for which the pictures do not yet pay. Of equal ones the weaker wins, for it
// leaves prompts more room. ok is false for an empty sweep.
func BestStrength(sweep []StrengthScore) (best StrengthScore, ok bool) {
	worth := func(s StrengthScore) float64 { return s.Consistency * s.Quality * max(s.Closeness, 0) }
	for i, s := range sweep {
		if i == 0 || worth(s) > worth(best) {
			best = s
		}
	}
	return best, len(sweep) > 0
}
