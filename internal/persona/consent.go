package persona

import "time"

// Consent is the guide's PersonaConsent as a person signs it. SignedAt, IPAddress and UserAgent are facts of the
// request and are never taken from its body.
type Consent struct {
	AgreedToTerms bool         `json:"agreed_to_terms" doc:"The person agreed to the terms."`
	Items         ConsentItems `json:"consent_items"`
	Restrictions  Restrictions `json:"restrictions,omitzero"`
}

// ConsentItems are the four things a person consents to. All must be true before anything is trained.
type ConsentItems struct {
	FacialRecognition bool `json:"facial_recognition" doc:"Faces in the photos may be found and measured."`
	AITraining        bool `json:"ai_training" doc:"A model may be trained on the photos."`
	LikenessUsage     bool `json:"likeness_usage" doc:"Pictures with the person's likeness may be made."`
	DataRetention     bool `json:"data_retention" doc:"Photos and model may be kept, encrypted, until erased."`
}

// Restrictions narrow what a consent allows.
type Restrictions struct {
	NoCommercialUse bool `json:"no_commercial_use,omitempty"`
	NoThirdParty    bool `json:"no_third_party,omitempty"`
	TimeLimitDays   int  `json:"time_limit_days,omitempty" doc:"Days after signing when everything is erased; 0 is no limit."`
}

// Signature is when and from where a consent was signed, taken from the request and never from its body.
type Signature struct {
	SignedAt  time.Time
	IPAddress string
	UserAgent string
}

// MaxConsentDays bounds Restrictions.TimeLimitDays: a hundred years.
const MaxConsentDays = 36_500

// Check returns nil when c allows training, else an *Error with CodeConsentMissing that names every missing item, or
// CodeConsentInvalid for a time limit out of range.
func (c Consent) Check() error {
	var missing []string
	for _, item := range []struct {
		name string
		ok   bool
	}{
		{"agreed_to_terms", c.AgreedToTerms},
		{"consent_items.facial_recognition", c.Items.FacialRecognition},
		{"consent_items.ai_training", c.Items.AITraining},
		{"consent_items.likeness_usage", c.Items.LikenessUsage},
		{"consent_items.data_retention", c.Items.DataRetention},
	} {
		if !item.ok {
			missing = append(missing, item.name)
		}
	}
	if len(missing) > 0 {
		return &Error{
			Kind: Invalid, Code: CodeConsentMissing,
			Message: "The person has not consented to everything that training needs. Each listed item must be true.",
			Fields:  missing,
		}
	}
	if c.Restrictions.TimeLimitDays < 0 || c.Restrictions.TimeLimitDays > MaxConsentDays {
		return &Error{
			Kind: Invalid, Code: CodeConsentInvalid,
			Message: "restrictions.time_limit_days must lie between 0 (no limit) and 36500.",
			Fields:  []string{"restrictions.time_limit_days"},
		}
	}
	return nil
}

// ExpiresAt is when a consent signed at signed runs out; ok is false when it has no time limit.
func (c Consent) ExpiresAt(signed time.Time) (at time.Time, ok bool) {
	if c.Restrictions.TimeLimitDays == 0 {
		return time.Time{}, false
	}
	return signed.AddDate(0, 0, c.Restrictions.TimeLimitDays), true
}
