package activities

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
)

// maxWeightsHeader is the safetensors format's own bound on its JSON header.
const maxWeightsHeader = 100 << 20

// weightsCheck is an io.Writer that checks the safetensors file written to it: eight bytes of header length, a JSON
// header that lists at least one tensor, and exactly as many bytes after it as its offsets say. It keeps only the header
// in memory.
type weightsCheck struct {
	header    []byte
	want      int64 // length of the JSON header, -1 until it is known
	total     int64
	badLength bool // the first eight bytes are not a possible header length
}

func newWeightsCheck() *weightsCheck { return &weightsCheck{want: -1} }

// Write never fails, so that a TeeReader can write to it; Err reports what is wrong.
func (c *weightsCheck) Write(p []byte) (int, error) {
	c.total += int64(len(p))
	if c.badLength || c.want >= 0 && int64(len(c.header)) == 8+c.want {
		return len(p), nil
	}
	need := int64(8)
	if c.want >= 0 {
		need += c.want
	}
	rest := p
	for len(rest) > 0 && int64(len(c.header)) < need {
		n := min(int64(len(rest)), need-int64(len(c.header)))
		c.header = append(c.header, rest[:n]...)
		rest = rest[n:]
		if c.want < 0 && len(c.header) == 8 {
			length := binary.LittleEndian.Uint64(c.header)
			if length < 2 || length > maxWeightsHeader {
				c.badLength = true
				return len(p), nil
			}
			c.want = int64(length)
			need += c.want
		}
	}
	return len(p), nil
}

// Err returns nil when exactly one whole safetensors file was written, and else a sentence for people.
func (c *weightsCheck) Err() error {
	if c.badLength {
		return errors.New("the weights do not begin like a safetensors file")
	}
	if c.want < 0 || int64(len(c.header)) < 8+c.want {
		return errors.New("the weights end before their header does")
	}
	var header map[string]json.RawMessage
	if err := json.Unmarshal(c.header[8:], &header); err != nil {
		return errors.New("the header of the weights cannot be read")
	}
	tensors, end := 0, int64(0)
	for name, raw := range header {
		if name == "__metadata__" {
			continue
		}
		var tensor struct {
			Offsets [2]int64 `json:"data_offsets"`
		}
		if err := json.Unmarshal(raw, &tensor); err != nil || tensor.Offsets[0] < 0 || tensor.Offsets[1] < tensor.Offsets[0] {
			return errors.New("the header of the weights lists a tensor without valid offsets")
		}
		tensors++
		end = max(end, tensor.Offsets[1])
	}
	if tensors == 0 {
		return errors.New("the weights hold no tensor")
	}
	if have := c.total - 8 - c.want; have != end {
		return fmt.Errorf("the weights have %d bytes of tensors and their header says %d", have, end)
	}
	return nil
}
