package photo

import (
	"fmt"
	"time"

	"github.com/inflio/persona/internal/persona"
)

// Facts are the properties of a file that are known without decoding it.
type Facts struct {
	Format   string // "jpeg" or "png"; empty when it is neither
	Width    int    // of the upright picture, in pixels; 0 when unknown
	Height   int    // of the upright picture, in pixels; 0 when unknown
	Bytes    int64
	Taken    time.Time         // by the camera's clock; zero when it is missing or impossible
	Findings []persona.Finding // every one refuses; nil when the file is fine
}

// Names of the formats in Facts.
const (
	FormatJPEG = "jpeg"
	FormatPNG  = "png"
)

// container parses the structure of one file format from a stream of bytes.
type container interface {
	write(b []byte)
	facts() header
}

// header is the result of a container.
type header struct {
	format        string
	width, height int  // as stored
	complete      bool // the end marker was read, and nothing before it was broken
	exif          exifFacts
	jpeg          jpegHeader // of a JPEG
	png           pngHeader  // of a PNG
}

// Inspector collects the facts of a file that is written to it. It is an io.Writer that never fails, and holds at most a
// signature and one EXIF block in memory.
type Inspector struct {
	policy persona.PhotoPolicy
	bytes  int64
	sniff  []byte
	inner  container
	other  bool
}

// NewInspector returns an Inspector that applies the limits of p.
func NewInspector(p persona.PhotoPolicy) *Inspector { return &Inspector{policy: p} }

const pngSignature = "\x89PNG\r\n\x1a\n"

// Write takes the next bytes of the file. It always returns len(b) and no error: faults of the file are
// in Facts, because the rest of an upload must be read anyway.
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

// recognise chooses the container by content; the file's name and declared type are not reliable.
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

// Facts returns the facts. Call it after the last byte.
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

// fileSize formats a number of bytes for people.
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
