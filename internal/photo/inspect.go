package photo

import (
	"fmt"
	"time"

	"github.com/inflio/persona/internal/persona"
)

// Facts are what a file tells about itself without being decoded.
type Facts struct {
	Format   string // "jpeg" or "png"; empty when it is neither
	Width    int    // of the upright picture, in pixels; 0 when unknown
	Height   int    // of the upright picture, in pixels; 0 when unknown
	Bytes    int64
	Taken    time.Time         // by the camera's clock; zero when the file does not tell, or tells what cannot be
	Findings []persona.Finding // every one refuses; nil when the file is fine
}

// Names of the formats in Facts.
const (
	FormatJPEG = "jpeg"
	FormatPNG  = "png"
)

// container follows the structure of one file format over a stream of bytes.
type container interface {
	write(b []byte)
	facts() header
}

// header is what a container found.
type header struct {
	format        string
	width, height int  // as stored
	complete      bool // the end marker was seen, and nothing before it was broken
	exif          exifFacts
	jpeg          jpegHeader // of a JPEG
	png           pngHeader  // of a PNG
}

// Inspector learns the facts of a file while its bytes stream through it. It is an io.Writer that never fails and
// holds at most a signature and one EXIF block, whatever the size of the file.
type Inspector struct {
	policy persona.PhotoPolicy
	bytes  int64
	sniff  []byte
	inner  container
	other  bool
}

// NewInspector returns an Inspector that judges by the limits of p.
func NewInspector(p persona.PhotoPolicy) *Inspector { return &Inspector{policy: p} }

const pngSignature = "\x89PNG\r\n\x1a\n"

// Write takes the next bytes of the file. It always returns len(b) and no error: what is wrong with the file is in
// Facts, and the rest of an upload must be read anyway.
func (i *Inspector) Write(b []byte) (int, error) {
	n := len(b)
	i.bytes += int64(n)
	if i.inner == nil && !i.other {
		need := min(len(pngSignature)-len(i.sniff), len(b))
		i.sniff = append(i.sniff, b[:need]...)
		b = b[need:]
		if len(i.sniff) == len(pngSignature) {
			i.recognise()
		}
	}
	if i.inner != nil {
		i.inner.write(b)
	}
	return n, nil
}

// recognise picks the container by content; the file's name and declared type say nothing reliable.
func (i *Inspector) recognise() {
	switch {
	case string(i.sniff) == pngSignature:
		i.inner = &pngStream{}
	case i.sniff[0] == 0xFF && i.sniff[1] == 0xD8 && i.sniff[2] == 0xFF:
		i.inner = &jpegStream{}
		i.inner.write(i.sniff[2:])
	default:
		i.other = true
	}
}

// Facts returns what was learnt. It is meant to be called after the last byte.
func (i *Inspector) Facts() Facts {
	f := Facts{Bytes: i.bytes}
	refuse := func(code persona.PhotoCode, detail string) {
		f.Findings = append(f.Findings, persona.NewFinding(code, true, detail))
	}
	if i.bytes == 0 {
		refuse(persona.PhotoEmpty, "")
		return f
	}
	if i.inner == nil {
		refuse(persona.PhotoNotImage, "")
		return f
	}
	h := i.inner.facts()
	f.Format, f.Width, f.Height, f.Taken = h.format, h.width, h.height, h.exif.taken
	if h.exif.turn.swaps() {
		f.Width, f.Height = h.height, h.width
	}
	if !h.complete || f.Width <= 0 || f.Height <= 0 {
		refuse(persona.PhotoDamaged, "")
	}
	if i.bytes < i.policy.MinBytes {
		refuse(persona.PhotoTooSmallFile, fileSize(i.bytes)+", at least "+fileSize(i.policy.MinBytes))
	}
	if i.bytes > i.policy.MaxBytes {
		refuse(persona.PhotoTooLargeFile, fileSize(i.bytes)+", at most "+fileSize(i.policy.MaxBytes))
	}
	if f.Width <= 0 || f.Height <= 0 {
		return f
	}
	size := fmt.Sprintf("%d x %d", f.Width, f.Height)
	if min(f.Width, f.Height) < i.policy.MinSide {
		refuse(persona.PhotoTooFewPixels, size)
	}
	if int64(f.Width)*int64(f.Height) > i.policy.MaxPixels {
		refuse(persona.PhotoTooManyPixels, size)
	} else if need, ok := planFor(h, i.bytes, i.policy); !ok {
		refuse(persona.PhotoTooManyPixels, h.tooLarge(need, i.policy))
	}
	return f
}

// fileSize words a number of bytes as people read it.
func fileSize(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d bytes", n)
	case n < 1_000_000:
		return fmt.Sprintf("%d KB", n/1000)
	default:
		return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
	}
}
