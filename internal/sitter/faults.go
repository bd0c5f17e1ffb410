package sitter

import (
	"bytes"
	"hash/fnv"
	"image"
	"image/gif"
	"image/jpeg"
	"math"
)

// faultSide is the side of a faulty photo in pixels, unless its fault is to be small.
const faultSide = 1024

// Fault describes a faulty photo.
type Fault struct {
	Code string // the finding that a judge should make
	Name string // unique name of the photo: the code, and a suffix if a code has several photos

	// Pose changes the pose of a good portrait so that it has the fault; nil if the picture itself is good.
	Pose func(p *Pose)
	// OfSet is true if the photo by itself is good, and has the fault only beside other photos of the person.
	OfSet bool

	person func(s Sitter) Sitter
	bySkin bool // the exposure is meant for fair skin; a darker one burns out later
	file   func(p Portrait) []byte
}

// Faults returns at least one photo for every code that can be drawn, in a fixed order. Each shows another moment; only
// the two duplicates look alike.
func Faults() []Fault {
	faults := []Fault{
		{Code: "empty_file", file: func(Portrait) []byte { return []byte{} }},
		{Code: "not_jpeg_or_png", file: encodeGIF},
		{Code: "file_too_small", file: func(p Portrait) []byte { return encodeJPEG(p.Image, 60) }},
		{Code: "file_too_large", file: func(p Portrait) []byte { return withWeight(EncodePhoto(p), 11<<20) }},
		{Code: "resolution_too_low", file: func(p Portrait) []byte { return withWeight(encodeJPEG(shrunk(p.Image, 3), 95), 600_000) }},
		{Code: "too_many_pixels", file: func(p Portrait) []byte { return claimSize(EncodePhoto(p), 20_000, 15_000) }},
		{Code: "damaged", file: func(p Portrait) []byte { return withWeight(EncodePhoto(p), 1_200_000)[:1_000_000] }},
		{Code: "too_old", file: func(p Portrait) []byte { return withDate(EncodePhoto(p), "2009:07:04 15:30:00") }},

		{Code: "no_face", Pose: func(p *Pose) { p.OffsetX = 4 }},
		{Code: "no_face", Name: "no_face-profile", Pose: func(p *Pose) { p.Yaw = -90 }},
		{Code: "several_faces", Pose: func(p *Pose) { p.Second, p.Distance = &Sitter{identity: 99}, 0.32 }},
		{Code: "face_too_small", Pose: func(p *Pose) { p.Distance = 0.09 }},
		{Code: "face_too_large", Pose: func(p *Pose) { p.Distance = 0.9 }},
		{Code: "head_cut_off", Pose: func(p *Pose) { p.Distance, p.OffsetY = 0.5, -0.3 }},
		{Code: "head_cut_off", Name: "head_cut_off-side", Pose: func(p *Pose) { p.Distance, p.OffsetX = 0.45, 0.36 }},
		{Code: "eyes_hidden", Pose: func(p *Pose) { p.Sunglasses = true }},
		{Code: "eyes_hidden", Name: "eyes_hidden-fringe", Pose: func(p *Pose) { p.Fringe = 1 }},
		{Code: "eyes_closed", Pose: func(p *Pose) { p.EyesOpen = 0 }},
		{Code: "face_covered", Pose: func(p *Pose) { p.Mask, p.Yaw, p.Pitch, p.Roll = true, 0, 0, 0 }},
		{Code: "extreme_angle", Pose: func(p *Pose) { // hair would hide what is left of the face
			p.Yaw, p.Pitch, p.Roll, p.Distance, p.Hood = -40.5, 0, 0, 0.42, true
			p.Light, p.Contrast, p.Warmth, p.Smile, p.Outfit = -20, 0.2, 0, 0.3, 12
		}},
		{Code: "tilted", Pose: func(p *Pose) { p.Roll = 34 }},

		{Code: "blurred", Pose: func(p *Pose) { p.Blur = 0.035 }},
		{Code: "too_dark", Pose: func(p *Pose) { p.Exposure = -3.2 }},
		{Code: "overexposed", bySkin: true, Pose: func(p *Pose) { p.Exposure, p.Warmth = 1.8, 0 }},
		{Code: "low_contrast", Pose: func(p *Pose) { p.Edit.Haze = 0.75 }},
		{Code: "uneven_light", Pose: func(p *Pose) { p.Yaw, p.Contrast, p.Light = 0, 1, 80 }},
		{Code: "colour_cast", Pose: func(p *Pose) { p.Edit.Cast = [3]float64{-0.9, 0, 1.1} }},
		{Code: "colour_cast", Name: "colour_cast-green", Pose: func(p *Pose) { p.Edit.Cast = [3]float64{-0.6, 0.5, -0.5} }},
		{Code: "greyscale", Pose: func(p *Pose) { p.Edit.Saturate = -1 }},
		{Code: "greyscale", Name: "greyscale-sepia", Pose: func(p *Pose) { p.Edit.Sepia = 1 }},
		{Code: "heavily_edited", Pose: func(p *Pose) { p.Edit.Posterise = 10 }},
		{Code: "heavily_edited", Name: "heavily_edited-vivid", Pose: func(p *Pose) { p.Edit.Saturate = 1.8 }},
		{Code: "heavily_edited", Name: "heavily_edited-smooth", Pose: func(p *Pose) {
			p.Yaw, p.Roll, p.Smile, p.Contrast, p.Light, p.Edit.Smooth = 0, 0, 0.1, 0.1, 10, 1 // folds and shadows stay
		}},
		{Code: "bordered", Pose: func(p *Pose) { p.Edit.Border = 0.1 }},
		{Code: "bordered", Name: "bordered-bars", Pose: func(p *Pose) { p.Edit.Bars = 0.15 }},
		{Code: "bordered", Name: "bordered-screenshot", Pose: func(p *Pose) { p.Edit.Screenshot = true }},
		{Code: "low_overall_score", bySkin: true, Pose: func(p *Pose) { // nothing bad enough to be named, and nothing good
			p.Distance, p.Blur, p.Yaw, p.Pitch, p.Roll = 0.135, 0.015, 20, 0, 20
			p.Exposure, p.Contrast, p.Light, p.Warmth = -2.95, 0.7, -32, 0
		}},

		{Code: "duplicate", Name: "duplicate-1", OfSet: true},
		{Code: "duplicate", Name: "duplicate-2", OfSet: true, file: func(p Portrait) []byte {
			return withWeight(encodeJPEG(p.Image, 80), 520_000)
		}},
		{Code: "unlike_the_others", OfSet: true, person: somebodyElse},
	}
	for i := range faults {
		if faults[i].Name == "" {
			faults[i].Name = faults[i].Code
		}
	}
	return faults
}

// somebodyElse is a person of another skin colour: of the next few, the one whose face differs most.
func somebodyElse(s Sitter) Sitter {
	mine := s.traits()
	var other Sitter
	most, left := -1.0, 8
	for id := s.identity + 1; left > 0; id++ {
		t := New(id).traits()
		if r := t.skin.y / mine.skin.y; r <= 2 && r >= 0.5 {
			continue
		}
		left--
		if d := mine.distance(t); d > most {
			other, most = New(id), d
		}
	}
	return other
}

// distance is how much the proportions of two faces differ.
func (t *traits) distance(o *traits) float64 {
	sum := 0.0
	for _, p := range [][2]float64{
		{t.width, o.width},
		{t.chin, o.chin},
		{t.eyeGap, o.eyeGap},
		{t.eyeHeight, o.eyeHeight},
		{t.browHeight, o.browHeight},
		{t.browThick, o.browThick},
		{t.noseLength, o.noseLength},
		{t.noseWidth, o.noseWidth},
		{t.mouthY, o.mouthY},
		{t.mouthWidth, o.mouthWidth},
	} {
		sum += math.Abs(math.Log(p[0] / p[1]))
	}
	return sum
}

// Portrait draws the faulty picture of side x side pixels, or a good one if only the file is faulty.
func (f Fault) Portrait(identity uint64, side int) Portrait {
	s := New(identity)
	if f.person != nil {
		s = f.person(s)
	}
	return s.Draw(side, side, f.pose(identity))
}

func (f Fault) pose(identity uint64) Pose {
	p := f.moment()
	if f.Pose != nil {
		f.Pose(&p)
	}
	if f.bySkin {
		const fair = 0.6
		p.Exposure += max(0, math.Log2(fair/New(identity).traits().skin.y))
	}
	return p
}

// moment is the pose of a good portrait: a different one for each fault, but the same for all photos of a fault of sets.
func (f Fault) moment() Pose {
	name := f.Name
	if f.OfSet {
		name = f.Code
	}
	seed := fnv.New64a()
	seed.Write([]byte(name)) // never fails
	r := newRandom(seed.Sum64(), 0xfa17)
	p := DefaultPose()
	p.Yaw, p.Pitch, p.Roll = r.between(-9, 9), r.between(-4, 4), r.between(-4, 4)
	p.Smile = r.between(0.1, 0.7)
	p.Light, p.Contrast, p.Warmth = r.between(-35, 35), r.between(0.15, 0.35), r.between(-0.2, 0.2)
	p.Distance = r.between(0.36, 0.42)
	p.Background = backgroundOf(r, [...]place{inStudio, atWall, inOffice, inPark}[r.pick(4)])
	p.Outfit = r.next()
	return p
}

// Draw makes the file of the faulty photo, of 1024 x 1024 pixels unless its fault is another size.
func (f Fault) Draw(identity uint64) []byte {
	pose := f.pose(identity)
	p := f.Portrait(identity, faultSide)
	switch {
	case f.file != nil:
		return f.file(p)
	case pose.Edit.even(): // grain would hide what was done
		return withWeight(encodeJPEG(p.Image, 95), minPhotoBytes)
	default:
		return EncodePhoto(p)
	}
}

func encodeJPEG(img image.Image, quality int) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality}); err != nil {
		panic(err) // a buffer takes everything, and the picture has a size that JPEG can hold
	}
	return b.Bytes()
}

func encodeGIF(p Portrait) []byte {
	var b bytes.Buffer
	if err := gif.Encode(&b, p.Image, nil); err != nil {
		panic(err) // as above
	}
	return b.Bytes()
}

// shrunk is every n-th pixel of every n-th row, after a blur against aliasing.
func shrunk(img *image.RGBA, n int) *image.RGBA {
	soft := clone(img)
	blur(soft, 0.4*math.Sqrt(float64(n*n-1)))
	out := image.NewRGBA(image.Rect(0, 0, img.Rect.Dx()/n, img.Rect.Dy()/n))
	for y := range out.Rect.Dy() {
		for x := range out.Rect.Dx() {
			out.SetRGBA(x, y, soft.RGBAAt(x*n+n/2, y*n+n/2))
		}
	}
	return out
}
