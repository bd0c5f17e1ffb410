package photo

import (
	_ "embed"
	"encoding/binary"
	"fmt"
	"math"
	"sync"
)

// What raw descriptions have in common tells nobody apart: the face that they all show, and the ways in which one
// person's photos differ, which are pose, expression, light and sharpness. Both were learnt on drawn people, whose
// photos may be had in any number and are nobody's; go test ./internal/photo -run FacesHaveInCommon -draw-common learns
// it anew.
//
//go:embed common.bin
var commonFile []byte

// common is what is taken out of raw descriptions.
type common struct {
	mean []float32
	ways []way
}

// way is a direction, of length 1, in which photos of one person differ, and the share of it that is taken out.
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
		return common{}, fmt.Errorf("photo: common.bin of %d bytes is of another descriptor", len(raw))
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

// takenOut is the descriptor that is left of a raw description.
func (c common) takenOut(raw Descriptor) Descriptor {
	d := make(Descriptor, len(raw))
	for i, v := range raw {
		d[i] = v - c.mean[i]
	}
	// The ways are at right angles to each other, so each may be measured after others were taken out.
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
