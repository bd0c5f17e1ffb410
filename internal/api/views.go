package api

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage"
)

// PersonaView is the guide's DeployedPersona. Where a persona has an active version, the fields about a version are about
// that one; before, they are about the newest. It is exported because OpenAPI leaves out the fields of an unexported
// embedded type.
type PersonaView struct {
	ID            string           `json:"id"`
	UserID        string           `json:"user_id"`
	Name          string           `json:"name"`
	TriggerWord   string           `json:"trigger_word"`
	ModelRef      string           `json:"model_ref,omitempty" doc:"Where the model of the active version is kept; absent before a version is active."`
	Version       int              `json:"version" doc:"The active version; the newest before a version is active."`
	NewestVersion int              `json:"newest_version" doc:"The newest version. If it is not the active one, it is being trained, or failed, or was cancelled."`
	Status        persona.Status   `json:"status" enum:"pending,training,validating,ready,failed,erasing" doc:"A persona with an active version stays ready while a newer one is trained, and if that one fails."`
	Training      trainingMetadata `json:"training_metadata" doc:"About the version in version."`
	StatusURL     string           `json:"status_url"`
	CreatedAt     time.Time        `json:"created_at"`
	UpdatedAt     time.Time        `json:"updated_at"`
}

type trainingMetadata struct {
	PhotosUsed          int      `json:"photos_used"`
	TrainingTimeMinutes *float64 `json:"training_time_minutes,omitempty" doc:"Absent before the training has ended."`
	QualityScore        *float64 `json:"quality_score,omitempty" doc:"0 to 1; absent before the version is active."`
}

type personaDetail struct {
	PersonaView
	Versions []versionView `json:"versions"`
	Photos   []photoView   `json:"photos"`
	Hints    []hint        `json:"hints" doc:"Rows of the troubleshooting table that fit the version in version, and why the newest version failed."`
}

type versionView struct {
	Version         int                     `json:"version"`
	Status          persona.VersionStatus   `json:"status" enum:"training,active,superseded,failed,cancelled"`
	Stage           persona.Stage           `json:"stage"`
	Progress        int                     `json:"progress"`
	Tier            persona.Tier            `json:"tier"`
	Config          persona.TrainingConfig  `json:"config"`
	PhotosUsed      int                     `json:"photos_used"`
	Set             *persona.SetReport      `json:"set,omitempty" doc:"A report on its photos as a set; absent before they have been compared."`
	Checks          *persona.CheckScores    `json:"checks,omitempty" doc:"Each must exceed 0.8."`
	Strength        *float64                `json:"strength,omitempty" doc:"The blend strength with the best results; the default for pictures."`
	Sweep           []persona.StrengthScore `json:"sweep,omitempty" doc:"The results of each blend strength."`
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
	Used         bool                 `json:"used" doc:"Whether it was chosen for training, by the last version that has chosen its photos."`
	FaceDetected *bool                `json:"face_detected,omitempty"`
	QualityScore *float64             `json:"quality_score,omitempty"`
	Report       *persona.PhotoReport `json:"report,omitempty" doc:"Absent until it has been judged."`
}

// statusView is what a progress bar needs. All but the status of the persona is about the newest version.
type statusView struct {
	Status        persona.Status `json:"status" enum:"pending,training,validating,ready,failed,erasing" doc:"Of the persona. It stays ready while a version newer than the active one is trained."`
	Version       int            `json:"version" doc:"The newest version. The following fields are about it."`
	Stage         persona.Stage  `json:"stage" enum:"collecting,preprocessing,uploading,queued,training,validating,deploying,done"`
	Progress      int            `json:"progress" minimum:"0" maximum:"100"`
	Remaining     int            `json:"estimated_time_remaining" doc:"Seconds; 0 if nothing is being trained."`
	QueuePosition *int           `json:"queue_position,omitempty" doc:"Trainings before this one at the provider."`
	Error         *failureView   `json:"error,omitempty" doc:"Why the version failed or was cancelled."`
}

type failureView struct {
	Code    persona.Code           `json:"code"`
	Message string                 `json:"message"`
	Photos  []persona.PhotoProblem `json:"photos,omitempty"`
	Advice  []string               `json:"advice,omitempty" doc:"What would help the set of photos, most useful first."`
}

// viewPersona shows a persona. shown is its active version, or the newest where none is active.
func (s *server) viewPersona(p storage.Persona, shown storage.Version) PersonaView {
	v := PersonaView{
		ID: p.ID, UserID: p.UserID, Name: p.Name, TriggerWord: p.TriggerWord, ModelRef: p.ModelRef,
		Version: shown.Number, NewestVersion: p.Latest.Number,
		Status: p.Status, StatusURL: s.url(statusPath(p.ID)), CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt,
		Training: trainingMetadata{PhotosUsed: shown.PhotosUsed, QualityScore: roundedPtr(p.QualityScore)},
	}
	if seconds := shown.TrainingSeconds; seconds != nil {
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
		Status: p.Status, Version: v.Number, Stage: v.Stage, Progress: v.Progress, QueuePosition: v.QueuePosition, Error: viewFailure(v.Failure),
	}
	if v.Status == persona.VersionTraining && p.Status != persona.StatusErasing {
		view.Remaining = remaining(v)
	} else {
		view.QueuePosition = nil
	}
	return view
}

// remaining is the last estimate of the training, in seconds. Before there is one, it is the rest of the tier's usual time.
func remaining(v storage.Version) int {
	if v.RemainingSeconds != nil {
		return max(*v.RemainingSeconds, 0)
	}
	const anyNumber = 1 << 20 // of photos: the tier is already decided
	terms, err := persona.TermsFor(v.Tier, anyNumber)
	if err != nil {
		return 0
	}
	return terms.Minutes * 60 * (100 - v.Progress) / 100
}

// rounded rounds a measure to three digits, its precision.
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

// refusalsFirst returns the photos with the findings that refuse them first.
func refusalsFirst(photos []persona.PhotoProblem) []persona.PhotoProblem {
	ordered := slices.Clone(photos)
	for i := range ordered {
		ordered[i].Findings = persona.RefusalsFirst(ordered[i].Findings)
	}
	return ordered
}
