package activities

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
)

func weightsFile(header string, tensors int) []byte {
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(file, header...), make([]byte, tensors)...)
}

func TestWeightsAreCheckedWhileTheyPass(t *testing.T) {
	t.Parallel()
	const header = `{"__metadata__":{"format":"pt"},"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"b":{"dtype":"F16","shape":[1],"data_offsets":[4,6]}}`
	for _, c := range []struct {
		name  string
		file  []byte
		wrong string
	}{
		{"whole", weightsFile(header, 6), ""},
		{"nothing", nil, "end before their header"},
		{"a web page", []byte("<!DOCTYPE html><html></html>"), "do not begin like"},
		{"cut in the header", weightsFile(header, 6)[:40], "end before their header"},
		{"cut in the tensors", weightsFile(header, 5), "5 bytes of tensors and their header says 6"},
		{"too long", weightsFile(header, 7), "7 bytes of tensors"},
		{"no tensor", weightsFile(`{"__metadata__":{}}`, 0), "no tensor"},
		{"no JSON", weightsFile(`{"a":`, 0), "cannot be read"},
		{"a tensor without a place", weightsFile(`{"a":{"data_offsets":[4,0]}}`, 0), "without valid offsets"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, step := range []int{1, 7, 1 << 20} {
				check := newWeightsCheck()
				for rest := c.file; len(rest) > 0; {
					n, err := check.Write(rest[:min(step, len(rest))])
					require.NoError(t, err)
					rest = rest[n:]
				}
				if c.wrong == "" {
					require.NoError(t, check.Err())
					continue
				}
				require.ErrorContains(t, check.Err(), c.wrong)
			}
		})
	}
}
