package eval

import (
	"fmt"
	"math"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
)

// Detection measures how well faces are found. Photos that cannot be decoded do not count.
type Detection struct {
	// Photos with a face in which one was found. If the eyes of the only face are labelled, the face must be found
	// there: the point between the eyes at most one eye distance away.
	Found     Share   `json:"found"`
	Elsewhere int     `json:"elsewhere"` // of those not found: something else was found instead
	BySize    []Class `json:"by_size,omitempty"`
	ByYaw     []Class `json:"by_yaw,omitempty"`

	False         Share `json:"false"`          // photos without a face in which one was found
	FalseFaces    int   `json:"false_faces"`    // faces found in all of these
	FalseAccepted int   `json:"false_accepted"` // of these, photos that nothing refuses

	SeveralForOne Share `json:"several_for_one"` // photos of one person in which several are found
	OneForSeveral Share `json:"one_for_several"` // photos of several in which one is found

	Missed   []string `json:"missed,omitempty"`
	Imagined []string `json:"imagined,omitempty"` // files in which a face is found although there is none
}

// Class is the share of faces of one kind that were found.
type Class struct {
	Name  string `json:"name"`
	Found Share  `json:"found"`
}

// The lower limits of the classes.
var (
	sizeClasses = []float64{0, 0.02, 0.04, 0.08, 0.15, 0.25} // eye distance over the picture's shorter side
	yawClasses  = []float64{0, 15, 30, 45, 60}               // degrees, of either side
)

func newDetection(all []result, p persona.PhotoPolicy) *Detection {
	d := &Detection{BySize: classes(sizeClasses, 100, "%"), ByYaw: classes(yawClasses, 1, "degrees")}
	for _, r := range all {
		if !r.decoded {
			continue
		}
		switch m := r.measures; {
		case r.label.Faces == 0:
			d.False.count(m.Faces > 0)
			d.FalseFaces += m.Faces
			if m.Accepted(p) {
				d.FalseAccepted++
			}
			if m.Faces > 0 {
				d.Imagined = append(d.Imagined, r.label.File)
			}
		case r.label.hasFace():
			d.countFace(&r)
		}
	}
	if d.Found.Of+d.False.Of == 0 {
		return nil
	}
	d.BySize, d.ByYaw = used(d.BySize), used(d.ByYaw)
	return d
}

func (d *Detection) countFace(r *result) {
	l, m := r.label, r.measures
	found := m.Faces > 0 && !r.elsewhere()
	d.Found.count(found)
	if !found {
		d.Missed = append(d.Missed, l.File)
	}
	if r.elsewhere() {
		d.Elsewhere++
	}
	if l.Eyes != nil {
		size := distance(l.Eyes[0], l.Eyes[1]) / float64(max(min(m.Width, m.Height), 1))
		d.BySize[classOf(sizeClasses, size)].Found.count(found)
	}
	if l.Yaw != nil {
		d.ByYaw[classOf(yawClasses, math.Abs(*l.Yaw))].Found.count(found)
	}
	switch {
	case l.Faces == 1 && m.Faces > 0:
		d.SeveralForOne.count(m.Faces > 1)
	case l.Faces > 1 && m.Faces > 0:
		d.OneForSeveral.count(m.Faces == 1)
	}
}

// single reports whether the labelled eyes are those of the only face.
func (r *result) single() bool { return r.label.Eyes != nil && r.label.Faces <= 1 }

// elsewhere reports whether something was found, but not the labelled face.
func (r *result) elsewhere() bool {
	if !r.single() || r.measures.Faces == 0 {
		return false
	}
	truth, seen := *r.label.Eyes, r.measures.Face.Eyes
	return distance(middle(truth), middle(seen)) > distance(truth[0], truth[1])
}

func middle(eyes [2]photo.Point) photo.Point {
	return photo.Point{X: (eyes[0].X + eyes[1].X) / 2, Y: (eyes[0].Y + eyes[1].Y) / 2}
}

func classes(limits []float64, scale float64, unit string) []Class {
	out := make([]Class, len(limits))
	for i, low := range limits {
		if i == len(limits)-1 {
			out[i].Name = fmt.Sprintf("%g %s and more", low*scale, unit)
			continue
		}
		out[i].Name = fmt.Sprintf("%g to %g %s", low*scale, limits[i+1]*scale, unit)
	}
	return out
}

func classOf(limits []float64, v float64) int {
	at := 0
	for i, low := range limits {
		if v >= low {
			at = i
		}
	}
	return at
}

func used(all []Class) []Class {
	var out []Class
	for _, c := range all {
		if c.Found.Of > 0 {
			out = append(out, c)
		}
	}
	return out
}

// Eyes measures how exactly the eyes of found faces are placed. The error of a photo is that of the worse eye,
// over the true distance between the eyes. Photos of several people do not count: any of them may be the main one.
type Eyes struct {
	Photos  int     `json:"photos"`
	Median  float64 `json:"median"`   // share of the eye distance
	Most    float64 `json:"at_95"`    // 95th percentile
	Under5  Share   `json:"under_5"`  // photos with an error below 5 % of the eye distance
	Under10 Share   `json:"under_10"` // below 10 %
}

func newEyes(all []result) *Eyes {
	out := &Eyes{}
	var errs []float64
	for _, r := range all {
		if !r.single() || r.measures.Faces == 0 || r.elsewhere() {
			continue
		}
		e := eyeError(*r.label.Eyes, r.measures.Face.Eyes)
		errs = append(errs, e)
		out.Under5.count(e < 0.05)
		out.Under10.count(e < 0.1)
	}
	if len(errs) == 0 {
		return nil
	}
	out.Photos, out.Median, out.Most = len(errs), Percentile(errs, 0.5), Percentile(errs, 0.95)
	return out
}

// eyeError accepts the eyes in either order, because the order is arbitrary if the head lies on its side.
func eyeError(truth, seen [2]photo.Point) float64 {
	straight := max(distance(truth[0], seen[0]), distance(truth[1], seen[1]))
	crossed := max(distance(truth[0], seen[1]), distance(truth[1], seen[0]))
	return min(straight, crossed) / distance(truth[0], truth[1])
}

// Angle measures the error of the head's angle, in degrees.
type Angle struct {
	Photos int     `json:"photos"`
	Median float64 `json:"median"`
	Most   float64 `json:"at_95"`
}

func newAngle(all []result, label func(*Label) *float64, seen func(photo.Face) float64) *Angle {
	var errs []float64
	for _, r := range all {
		truth := label(r.label)
		if truth == nil || r.measures.Faces == 0 || r.label.Faces > 1 || r.elsewhere() {
			continue
		}
		errs = append(errs, math.Abs(math.Remainder(seen(r.measures.Face)-*truth, 360)))
	}
	if len(errs) == 0 {
		return nil
	}
	return &Angle{len(errs), Percentile(errs, 0.5), Percentile(errs, 0.95)}
}
