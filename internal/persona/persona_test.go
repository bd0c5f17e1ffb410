package persona_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
)

func TestProgressNeverFallsFromStageToStage(t *testing.T) {
	t.Parallel()
	stages := []persona.Stage{
		persona.StageCollecting, persona.StagePreprocessing, persona.StageUploading, persona.StageQueued,
		persona.StageTraining, persona.StageValidating, persona.StageDeploying, persona.StageDone,
	}
	last := 0
	for _, s := range stages {
		for _, share := range []float64{-1, 0, 0.3, 1, 7} {
			now := persona.Progress(s, share)
			if share >= 0 {
				require.GreaterOrEqual(t, now, last, "%s %v", s, share)
				last = now
			}
			require.LessOrEqual(t, now, 100)
		}
	}
	require.Equal(t, 100, last)
	require.Zero(t, persona.Progress("nonsense", 1))
}

func TestConsentNamesEverythingThatIsMissing(t *testing.T) {
	t.Parallel()
	full := persona.Consent{AgreedToTerms: true, Items: persona.ConsentItems{
		FacialRecognition: true, AITraining: true, LikenessUsage: true, DataRetention: true,
	}}
	require.NoError(t, full.Check())

	var problem *persona.Error
	require.ErrorAs(t, persona.Consent{}.Check(), &problem)
	require.Equal(t, persona.CodeConsentMissing, problem.Code)
	require.Len(t, problem.Fields, 5)

	one := full
	one.Items.LikenessUsage = false
	require.ErrorAs(t, one.Check(), &problem)
	require.Equal(t, []string{"consent_items.likeness_usage"}, problem.Fields)

	for _, days := range []int{-1, persona.MaxConsentDays + 1} {
		limited := full
		limited.Restrictions.TimeLimitDays = days
		require.ErrorAs(t, limited.Check(), &problem)
		require.Equal(t, persona.CodeConsentInvalid, problem.Code)
	}
	signed := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	_, ok := full.ExpiresAt(signed)
	require.False(t, ok)
	full.Restrictions.TimeLimitDays = 30
	at, ok := full.ExpiresAt(signed)
	require.True(t, ok)
	require.Equal(t, signed.AddDate(0, 0, 30), at)
}

func TestTermsFor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		wanted  persona.Tier
		photos  int
		tier    persona.Tier
		refused bool
	}{
		{"", 5, persona.TierBasic, false},
		{"", 9, persona.TierBasic, false},
		{"", 10, persona.TierStandard, false},
		{"", 15, persona.TierPremium, false},
		{"", 40, persona.TierPremium, false},
		{persona.TierBasic, 40, persona.TierBasic, false},
		{persona.TierPremium, 14, "", true},
		{"gold", 20, "", true},
	} {
		terms, err := persona.TermsFor(c.wanted, c.photos)
		if c.refused {
			require.Equal(t, persona.CodeTierInvalid, persona.CodeOf(err))
			continue
		}
		require.NoError(t, err)
		require.Equal(t, c.tier, terms.Tier, "%d photos", c.photos)
	}
}

func TestTriggerWord(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Jane Doe":              "janedoeabcdef",
		"Zoë Ångström-Özil":     "zoeangstromozilabcdef",
		"王小明":                   "personaabcdef",
		"R2 D2":                 "rdabcdef",
		strings.Repeat("x", 90): strings.Repeat("x", 24) + "abcdef",
	} {
		word := persona.TriggerWord(name, "abcdef")
		require.Equal(t, want, word)
		require.LessOrEqual(t, len(word), 50)
	}
	require.Equal(t, "abczaf", persona.TriggerEnding([]byte{0, 1, 2, 25, 26, 31}))
}

func TestTrainingConfig(t *testing.T) {
	t.Parallel()
	require.NoError(t, persona.DefaultTrainingConfig().Check())
	bad := persona.TrainingConfig{ModelBase: "sdxl", TrainingSteps: 0, LearningRate: 5}
	var problem *persona.Error
	require.ErrorAs(t, bad.Check(), &problem)
	require.Subset(t, problem.Fields, []string{"model_base", "training_steps", "learning_rate", "optimizer"})

	for _, c := range []struct {
		change func(*persona.TrainingConfig)
		want   string // empty is good
	}{
		{func(c *persona.TrainingConfig) { c.ModelBase = "sdxl" }, "model_base must be flux-dev"},
		{func(c *persona.TrainingConfig) { c.TrainingSteps = 10_000 }, ""},
		{func(c *persona.TrainingConfig) { c.TrainingSteps = 10_001 }, "training_steps must lie between 1 and 10000"},
		{func(c *persona.TrainingConfig) { c.LearningRate = 0 }, "learning_rate must lie between 0.000001 and 0.01"},
		{func(c *persona.TrainingConfig) { c.BatchSize = 65 }, "batch_size must lie between 1 and 64"},
		{func(c *persona.TrainingConfig) { c.Rank = 129 }, "rank must lie between 1 and 128"},
		{func(c *persona.TrainingConfig) { c.Alpha = 0 }, "alpha must lie between 1 and 256"},
		{func(c *persona.TrainingConfig) { c.Dropout = 0 }, ""},
		{func(c *persona.TrainingConfig) { c.Dropout = 1 }, "dropout must be at least 0 and below 1"},
		{func(c *persona.TrainingConfig) { c.Optimizer = "" }, "optimizer must be adamw, adamw8bit or prodigy"},
		{func(c *persona.TrainingConfig) { c.Scheduler = "" }, "scheduler must be cosine, constant or linear"},
		{func(c *persona.TrainingConfig) { c.MixedPrecision = "" }, "mixed_precision must be fp16, bf16 or no"},
	} {
		config := persona.DefaultTrainingConfig()
		c.change(&config)
		if c.want == "" {
			require.NoError(t, config.Check())
			continue
		}
		require.EqualError(t, config.Check(), "The training configuration is out of range: "+c.want+".")
	}
}

func TestBestStrength(t *testing.T) {
	t.Parallel()
	_, ok := persona.BestStrength(nil)
	require.False(t, ok)
	best, ok := persona.BestStrength([]persona.StrengthScore{
		{Strength: 0.3, Consistency: 0.2, Quality: 0.9, Closeness: 0.1},
		{Strength: 0.6, Consistency: 1, Quality: 0.9, Closeness: 0.5},
		{Strength: 0.7, Consistency: 1, Quality: 0.9, Closeness: 0.6},
		{Strength: 0.8, Consistency: 1, Quality: 0.6, Closeness: 0.9},
	})
	require.True(t, ok)
	require.InDelta(t, 0.7, best.Strength, 1e-9, "as consistent and good as 0.6, and closer; 0.8 spoils the pictures")
}

func TestFindingsAreWholeSentences(t *testing.T) {
	t.Parallel()
	f := persona.NewFinding(persona.PhotoTooFewPixels, true, "384 x 480")
	require.Equal(t, "The picture has too few pixels (384 x 480).", f.Why)
	require.NotEmpty(t, f.Do)
	require.NotContains(t, persona.NewFinding(persona.PhotoNoFace, true, "ignored").Why, "ignored")
	require.NotEmpty(t, persona.NewFinding("unheard_of", true, "").Why)
	for _, advice := range persona.PhotoCodes() {
		f := persona.NewFinding(advice.Code, true, "7")
		require.Equal(t, strings.ReplaceAll(advice.Why, "…", "7"), f.Why)
		require.NotContains(t, f.Why, "…")
		require.Equal(t, advice.Do, f.Do)
	}
}

// The codes are read from the source: a constant without a sentence is what this test is to find.
func TestEveryPhotoCodeHasItsSentences(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "finding.go", nil, 0)
	require.NoError(t, err)
	var declared, worded []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "PhotoCode" {
			for _, v := range spec.Values {
				code, err := strconv.Unquote(v.(*ast.BasicLit).Value)
				require.NoError(t, err)
				declared = append(declared, code)
			}
		}
		return true
	})
	for _, advice := range persona.PhotoCodes() {
		worded = append(worded, string(advice.Code))
		require.Regexp(t, `^[a-z_]+$`, advice.Code)
		require.Regexp(t, `^[A-Z].*\.$`, advice.Why)
		require.Regexp(t, `^[A-Z].*\.$`, advice.Do)
	}
	require.Greater(t, len(declared), 30)
	require.ElementsMatch(t, declared, worded)
}

func TestRefusalsComeFirst(t *testing.T) {
	t.Parallel()
	note, no := persona.NewFinding(persona.PhotoTilted, false, ""), persona.NewFinding(persona.PhotoBlurred, true, "")
	other := persona.NewFinding(persona.PhotoUnevenLight, false, "")
	came := []persona.Finding{note, other, no}
	require.Equal(t, []persona.Finding{no, note, other}, persona.RefusalsFirst(came))
	require.Equal(t, note, came[0], "what came is left alone")
	require.Empty(t, persona.RefusalsFirst(nil))
}

func TestFailureCodes(t *testing.T) {
	t.Parallel()
	for _, advice := range persona.FailureCodes() {
		require.Regexp(t, `^[a-z_]+$`, advice.Code)
		require.Regexp(t, `^[A-Z].*\.$`, advice.Means)
		require.Regexp(t, `^[A-Z].*\.$`, advice.Do)
	}
}

func TestValidationPrompts(t *testing.T) {
	t.Parallel()
	require.Equal(t, "janeabc professional headshot", persona.ValidationPrompt(0, "janeabc"))
	require.Equal(t, "casual portrait", persona.ValidationPrompt(1, ""))
	require.Contains(t, persona.Caption("janeabc"), "janeabc")
}
