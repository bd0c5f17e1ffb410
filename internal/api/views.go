package api

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage"
)

// PersonaView is the guide's DeployedPersona, also while it is being made. It is exported because OpenAPI leaves out what an
// unexported embedded type holds.
type PersonaView struct {
	ID          string           `json:"id"`
	UserID      string           `json:"user_id"`
	Name        string           `json:"name"`
	TriggerWord string           `json:"trigger_word"`
	ModelRef    string           `json:"model_ref,omitempty" doc:"Where the active model is kept; present once there is one."`
	Version     int              `json:"version" doc:"The active version, or 1 before there is one."`
	Status      persona.Status   `json:"status" enum:"pending,training,validating,ready,failed,erasing"`
	Training    trainingMetadata `json:"training_metadata"`
	StatusURL   string           `json:"status_url"`
	CreatedAt   time.Time        `json:"created_at"`
	UpdatedAt   time.Time        `json:"updated_at"`
}

type trainingMetadata struct {
	PhotosUsed          int      `json:"photos_used"`
	TrainingTimeMinutes *float64 `json:"training_time_minutes,omitempty"`
	QualityScore        *float64 `json:"quality_score,omitempty" doc:"0 to 1."`
}

type personaDetail struct {
	PersonaView
	Versions []versionView `json:"versions"`
	Photos   []photoView   `json:"photos"`
	Hints    []hint        `json:"hints" doc:"What of the troubleshooting table fits this persona."`
}

type versionView struct {
	Version         int                     `json:"version"`
	Status          persona.VersionStatus   `json:"status" enum:"training,active,superseded,failed,cancelled"`
	Stage           persona.Stage           `json:"stage"`
	Progress        int                     `json:"progress"`
	Tier            persona.Tier            `json:"tier"`
	Config          persona.TrainingConfig  `json:"config"`
	PhotosUsed      int                     `json:"photos_used"`
	Set             *persona.SetReport      `json:"set,omitempty" doc:"What its photos tell together; absent before they were compared."`
	Checks          *persona.CheckScores    `json:"checks,omitempty" doc:"Each must exceed 0.8."`
	Strength        *float64                `json:"strength,omitempty" doc:"The blend strength that worked best; the default for pictures."`
	Sweep           []persona.StrengthScore `json:"sweep,omitempty" doc:"What each blend strength gave."`
	Samples         []sampleView            `json:"samples"`
	Model           *modelView              `json:"model,omitempty"`
	TrainingSeconds *int                    `json:"training_seconds,omitempty"`
	Error           *failureView            `json:"error,omitempty"`
	CreatedAt       time.Time               `json:"created_at"`
	StartedAt       *time.Time              `json:"started_at,omitempty"`
	CompletedAt     *time.Time              `json:"completed_at,omitempty"`
}

type sampleView struct {
	URL         string  `json:"url"`
	Prompt      int     `json:"prompt" doc:"Which of the validation prompts, from 0."`
	Seed        int64   `json:"seed"`
	Strength    float64 `json:"strength"`
	WithTrigger bool    `json:"with_trigger"`
	Score       float64 `json:"score" doc:"Photo score, 0 to 100."`
	Closeness   float64 `json:"closeness" doc:"Likeness to the person, at most 1."`
}

type modelView struct {
	Ref    string `json:"ref"`
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
}

type photoView struct {
	ID           string               `json:"id"`
	Index        int                  `json:"index" doc:"Position in the request, from 0."`
	URL          string               `json:"url,omitempty" doc:"The picture; absent until it has been collected."`
	SourceURL    string               `json:"source_url,omitempty" doc:"The address it was collected from."`
	Width        int                  `json:"width"`
	Height       int                  `json:"height"`
	Bytes        int64                `json:"bytes"`
	Primary      bool                 `json:"is_primary"`
	Used         bool                 `json:"used" doc:"Whether the newest version was trained on it."`
	FaceDetected *bool                `json:"face_detected,omitempty"`
	QualityScore *float64             `json:"quality_score,omitempty"`
	Report       *persona.PhotoReport `json:"report,omitempty" doc:"Absent until it has been judged."`
}

// statusView is what a progress bar needs.
type statusView struct {
	Status        persona.Status `json:"status" enum:"pending,training,validating,ready,failed,erasing"`
	Stage         persona.Stage  `json:"stage" enum:"collecting,preprocessing,uploading,queued,training,validating,deploying,done"`
	Progress      int            `json:"progress" minimum:"0" maximum:"100"`
	Remaining     int            `json:"estimated_time_remaining" doc:"Seconds; 0 when nothing more is coming."`
	QueuePosition *int           `json:"queue_position,omitempty" doc:"Trainings before this one at the provider."`
	Error         *failureView   `json:"error,omitempty" doc:"Why the newest version failed."`
}

type failureView struct {
	Code    persona.Code           `json:"code"`
	Message string                 `json:"message"`
	Photos  []persona.PhotoProblem `json:"photos,omitempty"`
	Advice  []string               `json:"advice,omitempty" doc:"What would help the set of photos, most useful first."`
}

func (s *server) viewPersona(p storage.Persona) PersonaView {
	v := PersonaView{
		ID: p.ID, UserID: p.UserID, Name: p.Name, TriggerWord: p.TriggerWord, ModelRef: p.ModelRef, Version: p.Version,
		Status: p.Status, StatusURL: s.url(statusPath(p.ID)), CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt,
		Training: trainingMetadata{PhotosUsed: p.Latest.PhotosUsed, QualityScore: roundedPtr(p.QualityScore)},
	}
	if seconds := p.Latest.TrainingSeconds; seconds != nil {
		minutes := math.Round(float64(*seconds)/6) / 10
		v.Training.TrainingTimeMinutes = &minutes
	}
	return v
}

func (s *server) viewVersion(personaID string, v storage.Version) versionView {
	view := versionView{
		Version: v.Number, Status: v.Status, Stage: v.Stage, Progress: v.Progress, Tier: v.Tier, Config: v.Config,
		PhotosUsed: v.PhotosUsed, Set: v.PhotoSet, Checks: viewChecks(v.Checks), Strength: v.Strength, TrainingSeconds: v.TrainingSeconds,
		Error: viewFailure(v.Failure), CreatedAt: v.CreatedAt, StartedAt: v.StartedAt, CompletedAt: v.CompletedAt,
		Samples: make([]sampleView, 0, len(v.Samples)),
	}
	for _, point := range v.Sweep {
		view.Sweep = append(view.Sweep, persona.StrengthScore{
			Strength: point.Strength, Consistency: rounded(point.Consistency), Closeness: rounded(point.Closeness),
			Quality: rounded(point.Quality),
		})
	}
	for _, sample := range v.Samples {
		view.Samples = append(view.Samples, sampleView{
			URL:    s.url(fmt.Sprintf("/api/personas/%s/versions/%d/samples/%s", personaID, v.Number, sample.Key)),
			Prompt: sample.Prompt, Seed: sample.Seed, Strength: sample.Strength, WithTrigger: sample.WithTrigger,
			Score: rounded(sample.Score), Closeness: rounded(sample.Closeness),
		})
	}
	if v.ModelRef != "" {
		view.Model = &modelView{Ref: v.ModelRef, SHA256: v.ModelSHA256, Bytes: v.ModelBytes}
	}
	return view
}

func (s *server) viewPhoto(p storage.Photo) photoView {
	view := photoView{
		ID: p.ID, Index: p.Index, SourceURL: p.URL, Width: p.Width, Height: p.Height, Bytes: p.Bytes, Primary: p.Primary,
		Used: p.Used, FaceDetected: p.FaceDetected, QualityScore: p.QualityScore,
	}
	if p.Report != nil {
		report := *p.Report
		report.Findings = persona.RefusalsFirst(report.Findings)
		view.Report = &report
	}
	if p.StoragePath != "" {
		view.URL = s.url(fmt.Sprintf("/api/personas/%s/photos/%s", p.PersonaID, p.ID))
	}
	return view
}

func viewStatus(p storage.Persona) statusView {
	v := p.Latest
	view := statusView{
		Status: p.Status, Stage: v.Stage, Progress: v.Progress, QueuePosition: v.QueuePosition, Error: viewFailure(v.Failure),
	}
	if v.Status == persona.VersionTraining && p.Status != persona.StatusErasing {
		view.Remaining = remaining(v)
	} else {
		view.QueuePosition = nil
	}
	return view
}

// remaining is the time left as the training last estimated it, or before it has, what is left of the tier's usual time.
func remaining(v storage.Version) int {
	if v.RemainingSeconds != nil {
		return max(*v.RemainingSeconds, 0)
	}
	const anyNumber = 1 << 20 // of photos: the tier was settled when the training was asked for
	terms, err := persona.TermsFor(v.Tier, anyNumber)
	if err != nil {
		return 0
	}
	return terms.Minutes * 60 * (100 - v.Progress) / 100
}

// rounded keeps as much of a measure as it is worth: 1/3 + 2/3 is 1 for people.
func rounded(x float64) float64 { return math.Round(x*1000) / 1000 }

func roundedPtr(x *float64) *float64 {
	if x == nil {
		return nil
	}
	y := rounded(*x)
	return &y
}

func viewChecks(c *persona.CheckScores) *persona.CheckScores {
	if c == nil {
		return nil
	}
	return &persona.CheckScores{
		FaceConsistency: rounded(c.FaceConsistency), QualityScore: rounded(c.QualityScore),
		TriggerEffectiveness: rounded(c.TriggerEffectiveness),
	}
}

func viewFailure(f *storage.Failure) *failureView {
	if f == nil {
		return nil
	}
	return &failureView{Code: f.Code, Message: f.Message, Photos: refusalsFirst(f.Photos), Advice: f.Advice}
}

// refusalsFirst orders the findings of each photo.
func refusalsFirst(photos []persona.PhotoProblem) []persona.PhotoProblem {
	ordered := slices.Clone(photos)
	for i := range ordered {
		ordered[i].Findings = persona.RefusalsFirst(ordered[i].Findings)
	}
	return ordered
}
