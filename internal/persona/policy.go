package persona

import "fmt"

// PhotoPolicy is every limit that photos must keep. The zero value is useless: start from DefaultPhotoPolicy.
type PhotoPolicy struct {
	MinPhotos int   `env:"PERSONA_PHOTOS_MIN"`       // fewest photos of one training, and fewest that must be good
	MaxPhotos int   `env:"PERSONA_PHOTOS_MAX"`       // most photos that may be handed in
	MaxUsed   int   `env:"PERSONA_PHOTOS_USED"`      // most photos that are trained on: the best ones
	MinBytes  int64 `env:"PERSONA_PHOTO_MIN_BYTES"`  // smallest file, in bytes
	MaxBytes  int64 `env:"PERSONA_PHOTO_MAX_BYTES"`  // largest file, in bytes
	MinSide   int   `env:"PERSONA_PHOTO_MIN_SIDE"`   // shorter side, in pixels
	MaxPixels int64 `env:"PERSONA_PHOTO_MAX_PIXELS"` // width times height, checked before decoding
	MaxMemory int64 `env:"PERSONA_PHOTO_MEMORY"`     // bytes that the photos judged at one time may take together
	MinScore  int   `env:"PERSONA_PHOTO_MIN_SCORE"`  // a photo is kept when its overall score is above this (0 to 100)
	CropSide  int   `env:"PERSONA_PHOTO_CROP_SIDE"`  // side of the prepared square picture, in pixels
	Augment   int   `env:"PERSONA_PHOTO_AUGMENTED"`  // augmented variants made of each kept photo
}

// TooLarge is what is found about a file of which only the beginning was looked at.
func (p PhotoPolicy) TooLarge() Finding {
	return NewFinding(PhotoTooLargeFile, true, fmt.Sprintf("more than %d MB", p.MaxBytes>>20))
}

// DefaultPhotoPolicy holds the guide's values: 5 to 20 photos of 500 KB to 10 MB and at least 512 x 512 pixels, kept
// above 0.7. 40 may be handed in. KB is read generously as 1000 bytes at the lower end and MB as 2^20 at the upper.
// 100 megapixels are the largest that a phone or a medium-format camera makes today.
func DefaultPhotoPolicy() PhotoPolicy {
	return PhotoPolicy{
		MinPhotos: 5, MaxPhotos: 40, MaxUsed: 20,
		MinBytes: 500_000, MaxBytes: 10 << 20,
		MinSide: 512, MaxPixels: 100_000_000, MaxMemory: 512 << 20,
		MinScore: 70, CropSide: 1024, Augment: 2,
	}
}
