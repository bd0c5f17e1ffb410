package photo

import "image"

// Quality holds the measures of a picture and of its main face; the cuts are in rules.go. Names in capitals are components
// of ISO/IEC 29794-5 as its reference implementation OFIQ defines them. Faces are measured on a copy with the eyes 80 pixels
// apart, so that the measures do not depend on the size of the photo. Left and right are those of the picture. All
// measures of the face are zero without a face.
type Quality struct {
	// EyeDistance is INTER-EYE DISTANCE: pixels of the file between the pupils, over the cosine of the yaw.
	EyeDistance float64 `json:"eye_distance"`
	// FaceShare is the width of the face (2.14 eye distances) over the picture's shorter side: .3 to .5 in a
	// portrait.
	FaceShare float64 `json:"face_share"`
	// HeadSize is the height of the head from crown to chin over that of the picture, estimated from the eyes.
	HeadSize float64 `json:"head_size"`
	// HeadOutside is the share of the estimated head, 0 to 1, that lies outside the picture; FaceOutside that of the
	// face from the brows to under the mouth.
	HeadOutside float64 `json:"head_outside"`
	FaceOutside float64 `json:"face_outside"`

	// Fineness stands for SHARPNESS: energy of fine over coarse detail without that of noise, .29 to .54 in sharp faces.
	Fineness float64 `json:"fineness"`

	// Percentiles of the face's luma, 0 to 255: 5th, 75th (skin) and 95th. Shares of the face without detail for
	// brightness and darkness are OVEREXPOSURE and UNDEREXPOSURE PREVENTION, inverted.
	Shadows    float64 `json:"shadows"`
	Skin       float64 `json:"skin"`
	Highlights float64 `json:"highlights"`
	Burnt      float64 `json:"burnt"`
	Black      float64 `json:"black"`
	// Contrast is the standard deviation of the face's luma, 0 to 128.
	Contrast float64 `json:"contrast"`
	// SideLight is log2 of the light on the right cheek over that on the left: ILLUMINATION UNIFORMITY with a side.
	SideLight float64 `json:"side_light"`

	// EyesOpen is EYES OPEN for each eye: 0 closed to 1 open, like a probability.
	EyesOpen [2]float64 `json:"eyes_open"`
	// EyesHidden is EYES VISIBLE, inverted: 0 bare to 1 hidden by dark glasses or hair, like a probability. EyesDark
	// is the share of the eyes' surroundings that is darker than half the cheeks.
	EyesHidden float64 `json:"eyes_hidden"`
	EyesDark   float64 `json:"eyes_dark"`
	// FaceCovered is MOUTH OCCLUSION PREVENTION, inverted: 0 bare to 1 covered by a mask or scarf, like a probability.
	FaceCovered float64 `json:"face_covered"`
	// MouthOpen is MOUTH CLOSED, inverted: the gap between the lips in eye distances, 0 closed, .1 and more open.
	// MouthWidth is the distance of the mouth's corners in eye distances; smiles are wide. MouthLine is how dark the line
	// between the lips is, over the skin.
	MouthOpen  float64 `json:"mouth_open"`
	MouthWidth float64 `json:"mouth_width"`
	MouthLine  float64 `json:"mouth_line"`
	// LowerColour is the distance, in CIELAB a and b, of the skin under the eyes from the face around the mouth.
	LowerColour float64 `json:"lower_colour"`
	// Hidden is the spread of repeated searches for a landmark, in eye distances: large if it is covered.
	Hidden Hidden `json:"hidden"`

	// People counts the faces, the person's own included, without small ones in the background.
	People int `json:"people"`
	// SecondFace is SINGLE FACE PRESENT, inverted: area of the second largest face over that of the main one, 0
	// if the person is alone. SecondAway is how far away its middle is, in eye distances of the main face.
	SecondFace float64 `json:"second_face"`
	SecondAway float64 `json:"second_away"`

	// SkinColour is the mean of the cheeks in CIELAB: L, a, b. Unnatural is NATURAL COLOUR: how far outside the range of
	// human skin (a 5 to 25, b 5 to 35) it lies.
	SkinColour [3]float64 `json:"skin_colour"`
	Unnatural  float64    `json:"unnatural"`
	// Cast is the estimated colour of the light, as CIELAB a and b of grey: b is its warmth.
	Cast [2]float64 `json:"cast"`
	// Tint is how far the skin lies outside its range, CIELAB units: towards green and blue in any case, towards red and
	// yellow only as far as the light is of that colour, because some skin is.
	Tint float64 `json:"tint"`
	// Colourful is the 95th percentile of the picture's CIELAB chroma; Hues is the spread that is left when all its
	// colours are put on one line: 0 in black and white, low in sepia, 5 in most photos.
	Colourful float64 `json:"colourful"`
	Hues      float64 `json:"hues"`

	// Signs of editing. Chroma is the mean CIELAB chroma of the cheeks; Clipped the share of the face where a channel is
	// at its limit but the luma is not; Flat the share without any gradient; SmoothSkin log2 of the fine detail at
	// the eyes over that on the cheeks, which beauty filters raise.
	Chroma     float64 `json:"chroma"`
	Clipped    float64 `json:"clipped"`
	Flat       float64 `json:"flat"`
	Comb       float64 `json:"comb"` // 0 smooth to 2: gaps between the levels of luma
	SmoothSkin float64 `json:"smooth_skin"`

	// Border is the share of the picture, 0 to 1, taken by even bars at its edges: frames and screenshots.
	Border     float64    `json:"border"`
	Background Background `json:"background"`
}

// measure fills a Quality from the picture, its overview and the faces in it, the main one first.
func (p *picture) measure(small plane, faces []seen) Quality {
	var q Quality
	var main *Face
	if len(faces) > 0 {
		q, main = measureFace(faces[0]), &faces[0].Face
		q.frame(*main, p.w, p.h)
		q.besides(faces)
	}
	t := p.thumb()
	q.Border = border(small)
	q.Cast = cast(t)
	q.Colourful, q.Hues = colourful(t)
	q.Background = background(t, main)
	if main != nil {
		q.Tint = tint(q.SkinColour, q.Cast)
	}
	return q
}

// measureFace measures what belongs to the face alone.
func measureFace(f seen) Quality {
	q := measureChip(f.chip, f.grey)
	q.detail(f.grey, f.IED())
	q.Hidden = Hidden{f.scatter.pupils, f.scatter.corners, f.scatter.nose, f.scatter.mouth}
	q.lookAtEyes(f)
	q.lookAtMouth(f)
	return q
}

// measureChip measures what needs no landmarks.
func measureChip(chip *image.RGBA, g plane) Quality {
	var q Quality
	q.light(chip, g)
	q.SkinColour = cheekColour(chip)
	q.Unnatural = unnatural(q.SkinColour)
	q.LowerColour = lowerColour(chip)
	q.MouthLine = mouthLine(g)
	return q
}

// Hidden is how far repeated searches for a landmark disagree, in eye distances.
type Hidden struct {
	Pupils  float64 `json:"pupils"`
	Corners float64 `json:"corners"` // of the eyes
	Nose    float64 `json:"nose"`
	Mouth   float64 `json:"mouth"`
}

// Background holds the measures of the picture around the head and shoulders.
type Background struct {
	Colour [3]float64 `json:"colour"` // mean CIELAB: L, a, b
	Busy   float64    `json:"busy"`   // BACKGROUND UNIFORMITY: standard deviation of L
	// Histogram has the shares of 27 colours: thirds of L (dark, middle, bright) by thirds of a and of b, which are
	// divided at -8 and 8. It sums to 1.
	Histogram [27]float32 `json:"histogram"`
}
