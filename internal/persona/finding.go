package persona

import (
	"slices"
	"strings"
)

// Finding is one problem of a photo: a stable code, a sentence that says what is wrong, and one that says what to do.
type Finding struct {
	Code    PhotoCode `json:"code"`
	Refuses bool      `json:"refuses" doc:"True when the photo cannot be used because of this, false for a warning."`
	Why     string    `json:"why"`
	Do      string    `json:"do"`
}

// PhotoCode names what can be found wrong with a photo. Codes are part of the API and are never renamed.
type PhotoCode string

// Findings about the file, made before the picture is decoded.
const (
	PhotoEmpty         PhotoCode = "empty_file"
	PhotoNotImage      PhotoCode = "not_jpeg_or_png"
	PhotoTooSmallFile  PhotoCode = "file_too_small"
	PhotoTooLargeFile  PhotoCode = "file_too_large"
	PhotoTooFewPixels  PhotoCode = "resolution_too_low"
	PhotoTooManyPixels PhotoCode = "too_many_pixels"
	PhotoDamaged       PhotoCode = "damaged"
	PhotoUnreachable   PhotoCode = "url_unreachable"
)

// PhotoCannotBeJudged means that a fault of this program keeps it from judging the photo.
const PhotoCannotBeJudged PhotoCode = "cannot_be_judged"

// Findings about the picture or the set.
const (
	PhotoNoFace         PhotoCode = "no_face"
	PhotoSeveralFaces   PhotoCode = "several_faces"
	PhotoFaceTooSmall   PhotoCode = "face_too_small"
	PhotoEyesHidden     PhotoCode = "eyes_hidden"
	PhotoFaceCovered    PhotoCode = "face_covered"
	PhotoExtremeAngle   PhotoCode = "extreme_angle"
	PhotoTilted         PhotoCode = "tilted"
	PhotoBlurred        PhotoCode = "blurred"
	PhotoTooDark        PhotoCode = "too_dark"
	PhotoOverexposed    PhotoCode = "overexposed"
	PhotoFlat           PhotoCode = "low_contrast"
	PhotoUnevenLight    PhotoCode = "uneven_light"
	PhotoHeavilyEdited  PhotoCode = "heavily_edited"
	PhotoEyesClosed     PhotoCode = "eyes_closed"
	PhotoFaceTooLarge   PhotoCode = "face_too_large"
	PhotoHeadCutOff     PhotoCode = "head_cut_off"
	PhotoColourCast     PhotoCode = "colour_cast"
	PhotoGreyscale      PhotoCode = "greyscale"
	PhotoBordered       PhotoCode = "bordered"
	PhotoTooOld         PhotoCode = "too_old"
	PhotoLowScore       PhotoCode = "low_overall_score"
	PhotoDuplicate      PhotoCode = "duplicate"
	PhotoUnlikeOthers   PhotoCode = "unlike_the_others"
	PhotoNotAmongBest   PhotoCode = "not_among_the_best"
	PhotoProbablyTwoSet PhotoCode = "probably_two_people"
)

// PhotoAdvice is the text of a code: what is wrong with a photo that has it, and what to do. In Why, … stands for the
// measured value.
type PhotoAdvice struct {
	Code    PhotoCode
	Why, Do string
}

// photoCodes has the text of every code. … is replaced by the measured value and its unit.
var photoCodes = []PhotoAdvice{
	{PhotoEmpty, "The file is empty.", "Choose the photo again; the upload may have been interrupted."},
	{PhotoNotImage, "The file is not a JPEG or PNG picture.", "Save the photo as JPEG or PNG and send that file."},
	{PhotoTooSmallFile, "The file is too small (…).", "Send the original from the camera, not a preview or a copy from a chat."},
	{PhotoTooLargeFile, "The file is too large (…).", "Save the photo as JPEG with a quality of about 90."},
	{PhotoTooFewPixels, "The picture has too few pixels (…).", "Use a photo of at least 512 x 512 pixels, better 1024 x 1024."},
	{PhotoTooManyPixels, "The picture has too many pixels (…).", "Save a smaller copy; 12 megapixels are plenty."},
	{PhotoDamaged, "The file is damaged or was cut off.", "Choose the photo again from where it was taken; the copy is incomplete."},
	{PhotoUnreachable, "The photo could not be fetched from its address.", "Check that the https address opens the picture without signing in, or upload the file."},
	{PhotoCannotBeJudged, "The photo cannot be judged because of a fault on our side.", "Use another photo, or save this one as a new JPEG file and send that."},
	{PhotoNoFace, "No face was found.", "Use a photo that shows the face large and from the front or half from the side."},
	{PhotoSeveralFaces, "There are several faces in the picture (…).", "Use a photo of this person alone, or cut the others out."},
	{PhotoFaceTooSmall, "The face is too small in the picture (…).", "Use a photo taken closer, or cut it so that the face fills at least a third."},
	{PhotoEyesHidden, "The eyes cannot be seen.", "Use a photo without sunglasses and with hair out of the eyes."},
	{PhotoFaceCovered, "Part of the face is covered.", "Use a photo without a mask, scarf or hand before the face."},
	{PhotoExtremeAngle, "The head is turned too far from the camera (…).", "Use a photo from the front or half from the side, where both eyes can be seen."},
	{PhotoTilted, "The head is tilted a lot (…).", "Hold the camera level, or turn the photo upright."},
	{PhotoBlurred, "The face is blurred or out of focus.", "Use a sharp photo: hold still, and focus on the eyes."},
	{PhotoTooDark, "The face is too dark.", "Use a photo with more light on the face, for example at a window."},
	{PhotoOverexposed, "The face is too bright; detail is lost in white areas.", "Use a photo without direct sun or flash on the face."},
	{PhotoFlat, "The picture is hazy; the face has hardly any contrast.", "Clean the lens, and avoid light shining into the camera."},
	{PhotoUnevenLight, "One side of the face is much darker than the other.", "Turn towards the light for at least some of the photos."},
	{PhotoHeavilyEdited, "The picture looks heavily edited or filtered.", "Use the photo as the camera took it, without filters or effects."},
	{PhotoEyesClosed, "The eyes are closed.", "Use a photo with the eyes open."},
	{PhotoFaceTooLarge, "The face is too close; it fills more than the picture (…).", "Use a photo taken from further away, with some space around the head."},
	{PhotoHeadCutOff, "Part of the head is outside the picture.", "Use a photo that shows the whole head from hair to chin."},
	{PhotoColourCast, "The colours are tinted.", "Use a photo in daylight or with the white balance on automatic."},
	{PhotoGreyscale, "The picture is black and white.", "Use a photo in colour: the model learns the colours of skin, eyes and hair."},
	{PhotoBordered, "The picture has a border or is a screenshot (…).", "Use the photo itself, without a frame around it."},
	{PhotoTooOld, "The photo was taken long ago (…).", "Use photos of the last two years, so that the model looks like you do today."},
	{PhotoLowScore, "The photo's overall quality is too low (… of 100).", "Use a sharper, better lit photo with a larger face."},
	{PhotoDuplicate, "This is the same picture as photo ….", "Add a different photo instead: another day, place or expression."},
	{PhotoUnlikeOthers, "This face looks unlike the others in the set.", "Check that every photo shows the same person."},
	{PhotoNotAmongBest, "There are enough better photos.", "Nothing to do; the best photos are used."},
	{PhotoProbablyTwoSet, "The photos probably show two people; this one belongs to the smaller group.", "Check that every photo shows the same person."},
}

// PhotoCodes lists every code that a finding can have, those of files first.
func PhotoCodes() []PhotoAdvice { return slices.Clone(photoCodes) }

// NewFinding returns a finding with the texts of its code. detail is the measured value with its unit ("384 x 480"), or
// the number of another photo; it is ignored if the code's text has no place for it.
func NewFinding(code PhotoCode, refuses bool, detail string) Finding {
	said := PhotoAdvice{Code: code, Why: "The photo cannot be used.", Do: "Use another photo."}
	if at := slices.IndexFunc(photoCodes, func(a PhotoAdvice) bool { return a.Code == code }); at >= 0 {
		said = photoCodes[at]
	}
	return Finding{Code: code, Refuses: refuses, Why: strings.Replace(said.Why, "…", detail, 1), Do: said.Do}
}

// Refuses reports whether a photo with these findings cannot be used.
func Refuses(findings []Finding) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.Refuses })
}

// RefusalsFirst returns the findings that refuse the photo, followed by the warnings. Within each group the order is
// unchanged.
func RefusalsFirst(findings []Finding) []Finding {
	ordered := slices.Clone(findings)
	slices.SortStableFunc(ordered, func(a, b Finding) int {
		switch {
		case a.Refuses == b.Refuses:
			return 0
		case a.Refuses:
			return -1
		default:
			return 1
		}
	})
	return ordered
}
