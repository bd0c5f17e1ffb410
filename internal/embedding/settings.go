package embedding

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/inflio/persona/internal/photo"
)

// Settings name a network and say how it is used. The zero value means the classical descriptor.
type Settings struct {
	File string `env:"PERSONA_FACE_MODEL"` // path of an ONNX file

	// Order and range of the numbers for a pixel, such as "rgb -1..1"; see orders and ranges. Left
	// empty it is "rgb 0..255" for a network that begins by shifting and scaling its input, as SFace does, and else "rgb
	// -1..1", as ArcFace models want it.
	Pixels string `env:"PERSONA_FACE_MODEL_PIXELS"`

	// Similarity (cosine, above 0 and below 1) from which two photos show the same person. 0 means unknown: then photos that
	// are far less like the others than usual have a warning, and none is refused.
	Same float64 `env:"PERSONA_FACE_MODEL_SAME"`
}

// Check returns a sentence for each setting that cannot be used. The file is not opened.
func (s Settings) Check() []error {
	var problems []error
	if _, err := parsePixels(s.Pixels, false); err != nil {
		problems = append(problems, err)
	}
	if !(s.Same >= 0 && s.Same < 1) { // NaN is wrong, too
		problems = append(problems, errors.New("PERSONA_FACE_MODEL_SAME is not a similarity: it must lie between 0 and 1, e.g. 0.363"))
	}
	if s.File == "" && (s.Pixels != "" || s.Same != 0) {
		problems = append(problems, errors.New("PERSONA_FACE_MODEL is not set, but what belongs to it is: the path of an ONNX file"))
	}
	return problems
}

// Describer returns the network, or the classical describer if no file is set. The network is loaded and run once. The
// error is one sentence about PERSONA_FACE_MODEL that does not quote the setting.
func (s Settings) Describer() (photo.Describer, error) {
	if err := errors.Join(s.Check()...); err != nil {
		return nil, err
	}
	if s.File == "" {
		return photo.Classical(), nil
	}
	file, err := os.ReadFile(s.File)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, errors.New("PERSONA_FACE_MODEL: there is no such file")
	case err != nil:
		return nil, errors.New("PERSONA_FACE_MODEL: the file cannot be read")
	}
	m, err := New(file, s)
	if err != nil {
		return nil, fmt.Errorf("PERSONA_FACE_MODEL: the file cannot be used: %w", err)
	}
	return m, nil
}

// pixels is the encoding of a network's input: value * scale + shift for each colour.
type pixels struct {
	order, span  string
	bgr          bool
	scale, shift float32
}

func (p pixels) String() string { return p.order + " " + p.span }

// parsePixels reads Settings.Pixels for a network that does or does not normalise its input by itself.
func parsePixels(text string, normalises bool) (pixels, error) {
	if text == "" {
		text = "rgb -1..1"
		if normalises {
			text = "rgb 0..255"
		}
	}
	p := pixels{}
	p.order, p.span, _ = strings.Cut(text, " ")
	p.bgr = p.order == "bgr"
	known := p.bgr || p.order == "rgb"
	switch p.span {
	case "0..255":
		p.scale = 1
	case "0..1":
		p.scale = 1 / 255.0
	case "-1..1":
		p.scale, p.shift = 1/127.5, -1
	default:
		known = false
	}
	if !known {
		return p, errors.New("PERSONA_FACE_MODEL_PIXELS must be rgb or bgr and one of 0..255, 0..1 and -1..1, e.g. \"bgr 0..255\"")
	}
	return p, nil
}
