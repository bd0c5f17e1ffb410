package photo

import (
	_ "embed"
	"encoding/binary"
	"fmt"
	"math"
	"sync"
)

// common.bin holds what does not distinguish people: the mean of raw descriptions, and the directions in which photos of
// one person differ by pose, expression, light and sharpness. Both were learned from drawn people. To learn them again:
// go test ./internal/photo -run FacesHaveInCommon -draw-common
//
//go:embed common.bin
var commonFile []byte

// common is what is removed from raw descriptions.
type common struct {
	mean []float32
	ways []way
}

// way is a direction, of length 1, in which photos of one person differ, and the share of it that is removed.
type way struct {
	share     float32
	direction []int8 // times scale
	scale     float32
}

// known is the common part of this package's own raw descriptions.
var known = sync.OnceValue(func() common {
	c, err := readCommon(commonFile)
	if err != nil {
		panic(err)
	}
	return c
})

// readCommon reads little-endian 32-bit floats: the mean; then for each way its share, its scale, and its direction as
// bytes.
func readCommon(raw []byte) (common, error) {
	const wayBytes = 8 + rawLength
	if len(raw) < 4*rawLength || (len(raw)-4*rawLength)%wayBytes != 0 {
		return common{}, fmt.Errorf("photo: common.bin of %d bytes belongs to another version of the descriptor", len(raw))
	}
	next := func() float32 {
		v := math.Float32frombits(binary.LittleEndian.Uint32(raw))
		raw = raw[4:]
		return v
	}
	c := common{mean: make([]float32, rawLength)}
	for i := range c.mean {
		c.mean[i] = next()
	}
	for len(raw) > 0 {
		w := way{share: next(), scale: next(), direction: make([]int8, rawLength)}
		for i := range w.direction {
			w.direction[i] = int8(raw[i])
		}
		raw = raw[rawLength:]
		c.ways = append(c.ways, w)
	}
	return c, nil
}

// takenOut removes the mean and the ways from a raw description and normalises the rest.
func (c common) takenOut(raw Descriptor) Descriptor {
	d := make(Descriptor, len(raw))
	for i, v := range raw {
		d[i] = v - c.mean[i]
	}
	// The ways are orthogonal, so the order in which they are removed does not matter.
	for _, w := range c.ways {
		var along float32
		for i, v := range w.direction {
			along += d[i] * float32(v)
		}
		k := along * w.scale * w.scale * w.share
		for i, v := range w.direction {
			d[i] -= k * float32(v)
		}
	}
	d.normalise()
	return d
}
