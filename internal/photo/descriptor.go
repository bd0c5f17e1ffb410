package photo

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Descriptor is a vector of length 1 that describes a face: those of one person are more similar than those of two.
// Which Describer made it decides how reliable that is.
type Descriptor []float32

// Similarity is the cosine of the angle between d and o, -1 to 1; 0 when they cannot be compared.
func (d Descriptor) Similarity(o Descriptor) float64 {
	if len(d) == 0 || len(d) != len(o) {
		return 0
	}
	var dot, dd, oo float64
	for i := range d {
		a, b := float64(d[i]), float64(o[i])
		dot, dd, oo = dot+a*b, dd+a*a, oo+b*b
	}
	if dd == 0 || oo == 0 {
		return 0
	}
	return dot / math.Sqrt(dd*oo)
}

// MarshalJSON writes base64 of little-endian 32-bit floats, a third of the size of decimal numbers.
func (d Descriptor) MarshalJSON() ([]byte, error) {
	raw := make([]byte, 0, 4*len(d))
	for _, v := range d {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	return json.Marshal(raw)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (d *Descriptor) UnmarshalJSON(text []byte) error {
	var raw []byte
	if err := json.Unmarshal(text, &raw); err != nil {
		return fmt.Errorf("photo: descriptor: %w", err)
	}
	if len(raw)%4 != 0 {
		return errors.New("photo: a descriptor is a whole number of 32-bit floats")
	}
	*d = nil
	for ; len(raw) > 0; raw = raw[4:] {
		*d = append(*d, math.Float32frombits(binary.LittleEndian.Uint32(raw)))
	}
	return nil
}

// Centroid returns the normalised mean of the descriptors that are not empty; nil without any.
func Centroid(all []Descriptor) Descriptor {
	all = slices.DeleteFunc(slices.Clone(all), func(d Descriptor) bool { return len(d) == 0 })
	if len(all) == 0 {
		return nil
	}
	sum := make(Descriptor, len(all[0]))
	for _, d := range all {
		for i := range min(len(d), len(sum)) {
			sum[i] += d[i]
		}
	}
	sum.normalise()
	return sum
}

func (d Descriptor) normalise() {
	var sum float64
	for _, v := range d {
		sum += float64(v) * float64(v)
	}
	if sum == 0 {
		return
	}
	k := float32(1 / math.Sqrt(sum))
	for i := range d {
		d[i] *= k
	}
}

// OwnCloseness returns the centroid of a person's own photos, and the fifth percentile of the similarities of each photo
// to the centroid of the others. A picture whose similarity to the centroid reaches that is as like the person as the
// own photos are. With fewer than two photos the percentile is 1.
func OwnCloseness(own []Descriptor) (centroid Descriptor, fifthPercentile float64) {
	centroid = Centroid(own)
	if len(own) < 2 {
		return centroid, 1
	}
	similarities := make([]float64, len(own))
	for i, d := range own {
		others := append(slices.Clone(own[:i]), own[i+1:]...)
		similarities[i] = d.Similarity(Centroid(others))
	}
	slices.Sort(similarities)
	// The percentile lies between the two lowest for up to 20 photos.
	at := 0.05 * float64(len(similarities)-1)
	low := int(at)
	high := min(low+1, len(similarities)-1)
	return centroid, similarities[low] + (at-float64(low))*(similarities[high]-similarities[low])
}
