package photo

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/inflio/persona/internal/persona"
)

// fault is a fault of this program that one photo caused. The same photo would cause it again, so it is the photo that
// is refused: a retry could not help. Its text has no data of the photo.
type fault struct {
	what     string
	findings []persona.Finding // of the photo, including PhotoCannotBeJudged
}

func (f *fault) Error() string { return "photo: judging failed: " + f.what }

// Unwrap makes the fault a *persona.Error for callers that only want the findings.
func (f *fault) Unwrap() error { return unusable(f.findings) }

// guard calls do. If do panics or returns a *fault, the error is a *fault with the given findings and
// PhotoCannotBeJudged; other errors are returned as they are.
func guard(findings []persona.Finding, do func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &fault{what: panicText(r)}
		}
		if f, ok := errors.AsType[*fault](err); ok {
			f.findings = append(slices.Clip(findings), cannotBeJudged())
		}
	}()
	return do()
}

func cannotBeJudged() persona.Finding {
	return persona.NewFinding(persona.PhotoCannotBeJudged, true, "")
}

// panicText describes a recovered panic by its value and the innermost functions. It must be called by the deferred
// function that recovered. A value other than an error or a text is described by its type: it could be pixels or a
// descriptor.
func panicText(r any) string {
	var what string
	switch r := r.(type) {
	case error:
		what = r.Error()
	case string:
		what = r
	default:
		what = fmt.Sprintf("a panic with %T", r)
	}
	const most = 3
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	var in []string
	for more := true; more && len(in) < most; {
		var f runtime.Frame
		f, more = frames.Next()
		if f.Function != "" && !strings.HasPrefix(f.Function, "runtime.") {
			in = append(in, fmt.Sprintf("%s:%d", f.Function[strings.LastIndexByte(f.Function, '/')+1:], f.Line))
		}
	}
	return what + " in " + strings.Join(in, ", called by ")
}
