package storage

import (
	"encoding/json"
	"time"

	"github.com/inflio/persona/internal/persona"
)

// Persona is one likeness of one person, with its newest version.
type Persona struct {
	ID          string
	UserID      string
	Name        string
	TriggerWord string
	Status      persona.Status
	ModelRef    string // blob path of the active version's weights, "" before any is active
	Version     int    // the active version, or 1 before any is
	Active      bool   // whether any version is active

	QualityScore        *float64 // of the active version, 0 to 1
	TrainingStartedAt   *time.Time
	TrainingCompletedAt *time.Time
	CreatedAt           time.Time
	UpdatedAt           time.Time
	Latest              Version // the newest version, active or not
}

// Version is one training of a persona and what came of it.
type Version struct {
	PersonaID        string
	Number           int // from 1
	Status           persona.VersionStatus
	Stage            persona.Stage
	Progress         int  // percent, 0 to 100, never falls
	RemainingSeconds *int // estimate, nil when unknown or ended
	QueuePosition    *int // at the provider, nil when not queued
	Tier             persona.Tier
	Config           persona.TrainingConfig
	PhotosUsed       int
	PhotoSet         *persona.SetReport // nil before the photos were chosen

	Checks   *persona.CheckScores // nil before it was validated
	Strength *float64             // the best blend strength, 0 to 1
	Sweep    []persona.StrengthScore
	Samples  []Sample

	ModelRef        string // blob path of the weights
	ModelSHA256     string // hex, of the plaintext
	ModelBytes      int64
	TrainingSeconds *int
	Failure         *Failure // nil unless it failed or was cancelled
	CreatedAt       time.Time
	StartedAt       *time.Time
	CompletedAt     *time.Time
}

// Sample is one picture that was made to judge a version.
type Sample struct {
	Key         string  `json:"key"`
	Path        string  `json:"path"` // of the blob
	ContentType string  `json:"content_type"`
	Prompt      int     `json:"prompt"` // which of the guide's prompts, from 0
	Seed        int64   `json:"seed"`
	Strength    float64 `json:"strength"`
	WithTrigger bool    `json:"with_trigger"`
	Score       float64 `json:"score"`     // overall photo score, 0 to 100
	Closeness   float64 `json:"closeness"` // to the person
}

// Failure is why a version ended without a model, in words for the person.
type Failure struct {
	Code    persona.Code           `json:"code"`
	Message string                 `json:"message"`
	Advice  []string               `json:"advice,omitempty"` // what would help the set of photos, a sentence each
	Photos  []persona.PhotoProblem `json:"photos,omitempty"`
}

// Progress is how far a training is.
type Progress struct {
	Stage            persona.Stage
	Percent          int // 0 to 100, clamped
	RemainingSeconds *int
	QueuePosition    *int
}

// Model is what is stored of a version's weights.
type Model struct {
	Ref             string // blob path
	SHA256          string // hex, of the plaintext
	Bytes           int64
	TrainingSeconds int
}

// Photo is one photo of a persona.
type Photo struct {
	ID            string
	PersonaID     string
	Index         int    // position in the request, from 0
	URL           string // where it is fetched from, "" when it was uploaded
	StoragePath   string // of the blob, "" before it is stored
	SHA256        []byte // of the plaintext, nil before it is stored
	Bytes         int64
	Width, Height int    // pixels, upright
	Format        string // "jpeg", "png" or "" when unknown
	Primary, Used bool
	FaceDetected  *bool
	QualityScore  *float64 // overall, 0 to 100
	Report        *persona.PhotoReport
	Measures      *string  // blob path
	Prepared      []string // blob paths, the crop first, then the augmented ones
	Added         time.Time
}

// Choice says whether a photo is trained on, and what looking at the whole set found about it.
type Choice struct {
	Photo         string
	Used, Primary bool
	Findings      []persona.Finding
}

// NewPersona is everything that one Commit makes.
type NewPersona struct {
	Name           string // as persona.CleanName returns it
	Tier           persona.Tier
	Config         persona.TrainingConfig
	Consent        persona.Consent
	Signature      persona.Signature
	Photos         []NewPhoto
	IdempotencyKey string // "" for none
	Fingerprint    string // of the request; the same key with another one is refused
	MaxTrainings   int    // trainings that the user may have running, with this one; 0 is no limit
}

// NewPhoto is one photo of a new persona.
type NewPhoto struct {
	ID            string
	Index         int
	URL           string // "" = it was written with Upload.WritePhoto
	Bytes         int64
	SHA256        []byte
	Width, Height int
	Format        string
	Primary       bool
}

// BlobInfo describes the plaintext of a blob that was written.
type BlobInfo struct {
	Path   string
	Bytes  int64
	SHA256 []byte
}

// Job is one intent to buy one training, and what came of it.
type Job struct {
	ID           string
	PersonaID    string
	UserID       string
	Version      int
	Attempt      int // submits that were really begun
	Status       persona.PurchaseStatus
	RequestID    string // the provider's, "" until it is known to be bought
	Endpoint     string
	DatasetURL   string   // what the provider is told to fetch
	PlacedURLs   []string // where training pictures were placed for this job, whether the upload finished or not
	WeightsURL   string
	ConfigURL    string
	ErrorMessage string
	Progress     int // percent
	Config       persona.TrainingConfig
	SubmittingAt *time.Time
	StartedAt    *time.Time
	CompletedAt  *time.Time
	CreatedAt    time.Time
	CleanedAt    *time.Time // when everything of it was removed from the provider
}

// Submission is what one attempt to buy a training sends. It is what is on record of the job.
type Submission struct {
	Token      string // secret, for the webhook's address
	Attempt    int    // for JobChange, so that the outcome touches no other attempt
	DatasetURL string
}

// JobChange is what MoveJob writes besides the status; nil leaves a value as it is. Progress never falls.
type JobChange struct {
	// Attempt, when not 0, is the attempt that the change is about: a job that has got to another one is not touched.
	Attempt      int
	RequestID    *string
	WeightsURL   *string
	ConfigURL    *string
	ErrorMessage *string
	Progress     *int
}

// Erasure is the record of an erasure. It outlives what it erases.
type Erasure struct {
	ID          string
	UserID      string
	PersonaID   string // "" = everything the user has
	Status      string // ErasureRunning or ErasureCompleted
	Steps       []ErasureStep
	RequestedAt time.Time
	CompletedAt *time.Time
	Certificate json.RawMessage // nil before it is completed
}

// The states of an erasure.
const (
	ErasureRunning   = "running"
	ErasureCompleted = "completed"
)

// ErasureStep is one step that is done, and how many things it removed.
type ErasureStep struct {
	Name  string    `json:"name"`
	Count int       `json:"count"`
	At    time.Time `json:"at"`
}

// Outbox is something that must happen because of what was committed.
type Outbox struct {
	ID        int64
	Kind      string // one of the Outbox constants
	UserID    string
	PersonaID string // "" for erasures
	ErasureID string // "" for anything else
	JobID     string // of OutboxCleanJob
	Version   int    // of OutboxTrainPersona
}

// The kinds of outbox rows.
const (
	OutboxTrainPersona  = "train-persona"
	OutboxErasePersona  = "erase-persona"
	OutboxEraseUser     = "erase-user"
	OutboxCleanJob      = "clean-job"
	OutboxDiscardUpload = "discard-upload" // handled by DeliverDue itself
	OutboxExpireConsent = "expire-consent" // handled by DeliverDue itself
)

// AuditEntry is one line of a user's audit log. Seq and At are set by the storage. Detail is small and holds ids, numbers and
// codes only: no name, address, prompt or URL.
type AuditEntry struct {
	Seq       int64 // from 1, without gaps for each user
	At        time.Time
	Action    string // "photo.read", "persona.created" …
	PersonaID string // "" when it is about no persona
	Detail    map[string]any
}

// AuditResult is what VerifyAudit found.
type AuditResult struct {
	Users   int
	Entries int
	Broken  []string // one sentence for each break; empty when every chain holds
}
