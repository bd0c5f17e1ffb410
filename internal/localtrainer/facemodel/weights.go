package facemodel

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
)

// format identifies this model in the weights' metadata; version changes with the meaning of the weights.
const (
	format  = "persona-facemodel"
	version = 1
)

// ErrWeights means that weights are damaged or of another model.
var ErrWeights = errors.New("facemodel: these are not weights of this model")

// model is the contents of the weights. K is the number of principal directions of texture, L that of shape, N the number of
// distinct training photos. Directions are scaled by their standard deviation, so coefficients are around 1.
type model struct {
	trigger string
	rank    int

	meanTexture texture
	textures    []texture // K
	meanShape   shape
	shapes      []shape     // L, displacements
	textureAt   [][]float64 // N x K: where each training photo lies
	shapeAt     [][]float64 // N x L
	trust       []float64   // N: see trust
	spread      float64     // the photos' discord
}

// tensor is an entry of a safetensors header.
type tensor struct {
	Type    string `json:"dtype"`
	Shape   []int  `json:"shape"`
	Offsets [2]int `json:"data_offsets"`
}

// encode writes safetensors: eight bytes of header length, the JSON header padded to eight, the tensors.
func (m *model) encode() ([]byte, error) {
	flat := func(s shape) (out []float32) {
		for _, p := range s {
			out = append(out, float32(p.x), float32(p.y))
		}
		return out
	}
	table := func(rows [][]float64) (out []float32) {
		for _, row := range rows {
			for _, v := range row {
				out = append(out, float32(v))
			}
		}
		return out
	}
	trust := table([][]float64{m.trust})
	var textures, shapes []float32
	for _, t := range m.textures {
		textures = append(textures, t...)
	}
	for _, s := range m.shapes {
		shapes = append(shapes, flat(s)...)
	}
	n, k, l := len(m.trust), len(m.textures), len(m.shapes)
	type entry struct {
		kind   string
		shape  []int
		values []float32
	}
	entries := map[string]entry{
		"texture.mean":         {"F16", []int{textureLength}, m.meanTexture},
		"texture.basis":        {"F16", []int{k, textureLength}, textures},
		"texture.coefficients": {"F32", []int{n, k}, table(m.textureAt)},
		"shape.mean":           {"F32", []int{2 * shapePoints}, flat(m.meanShape)},
		"shape.basis":          {"F32", []int{l, 2 * shapePoints}, shapes},
		"shape.coefficients":   {"F32", []int{n, l}, table(m.shapeAt)},
		"trust":                {"F32", []int{n}, trust},
	}
	header := map[string]any{"__metadata__": map[string]string{
		"format": format, "version": strconv.Itoa(version), "rank": strconv.Itoa(m.rank), "trigger_word": m.trigger,
		"spread": strconv.FormatFloat(m.spread, 'g', -1, 64),
	}}
	var data []byte
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		e := entries[name]
		start := len(data)
		for _, v := range e.values {
			if e.kind == "F16" {
				data = binary.LittleEndian.AppendUint16(data, toHalf(v))
			} else {
				data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
			}
		}
		header[name] = tensor{Type: e.kind, Shape: e.shape, Offsets: [2]int{start, len(data)}}
	}
	head, err := json.Marshal(header)
	if err != nil {
		return nil, fmt.Errorf("facemodel: writing the header: %w", err)
	}
	for len(head)%8 != 0 {
		head = append(head, ' ')
	}
	out := binary.LittleEndian.AppendUint64(make([]byte, 0, 8+len(head)+len(data)), uint64(len(head)))
	return append(append(out, head...), data...), nil
}

// decode parses the output of encode. The error is ErrWeights.
func decode(weights []byte) (*model, error) {
	if len(weights) < 8 {
		return nil, ErrWeights
	}
	size := binary.LittleEndian.Uint64(weights)
	if size > uint64(len(weights)-8) {
		return nil, ErrWeights
	}
	var header map[string]json.RawMessage
	if json.Unmarshal(weights[8:8+size], &header) != nil {
		return nil, ErrWeights
	}
	var meta map[string]string
	if json.Unmarshal(header["__metadata__"], &meta) != nil || meta["format"] != format || meta["version"] != strconv.Itoa(version) {
		return nil, ErrWeights
	}
	r := tensors{header: header, data: weights[8+size:]}
	m := &model{trigger: meta["trigger_word"]}
	var err error
	if m.rank, err = strconv.Atoi(meta["rank"]); err != nil {
		return nil, ErrWeights
	}
	if m.spread, err = strconv.ParseFloat(meta["spread"], 64); err != nil {
		return nil, ErrWeights
	}
	m.meanTexture = texture(r.read("texture.mean", textureLength))
	for _, row := range r.rows("texture.basis", textureLength) {
		m.textures = append(m.textures, texture(row))
	}
	m.meanShape = unflat(r.read("shape.mean", 2*shapePoints))
	for _, row := range r.rows("shape.basis", 2*shapePoints) {
		m.shapes = append(m.shapes, unflat(row))
	}
	m.trust = wide(r.read("trust", -1))
	for _, row := range r.rows("texture.coefficients", len(m.textures)) {
		m.textureAt = append(m.textureAt, wide(row))
	}
	for _, row := range r.rows("shape.coefficients", len(m.shapes)) {
		m.shapeAt = append(m.shapeAt, wide(row))
	}
	n := len(m.trust)
	if r.bad || n == 0 || len(m.textureAt) != n || len(m.shapeAt) != n {
		return nil, ErrWeights
	}
	return m, nil
}

// tensors reads from a safetensors body; bad is set by the first error.
type tensors struct {
	header map[string]json.RawMessage
	data   []byte
	bad    bool
}

// read returns all values of a tensor, which must be length of them unless length is negative.
func (r *tensors) read(name string, length int) []float32 {
	var t tensor
	if json.Unmarshal(r.header[name], &t) != nil {
		r.bad = true
		return make([]float32, max(length, 0))
	}
	size := map[string]int{"F16": 2, "F32": 4}[t.Type]
	from, to := t.Offsets[0], t.Offsets[1]
	if size == 0 || from < 0 || to < from || to > len(r.data) || (to-from)%size != 0 || length >= 0 && to-from != length*size {
		r.bad = true
		return make([]float32, max(length, 0))
	}
	out := make([]float32, (to-from)/size)
	for i := range out {
		at := r.data[from+i*size:]
		if size == 2 {
			out[i] = fromHalf(binary.LittleEndian.Uint16(at))
		} else {
			out[i] = math.Float32frombits(binary.LittleEndian.Uint32(at))
		}
		if v := float64(out[i]); math.IsNaN(v) || math.IsInf(v, 0) {
			r.bad = true
		}
	}
	return out
}

// rows returns a tensor of rows of the given length.
func (r *tensors) rows(name string, length int) [][]float32 {
	all := r.read(name, -1)
	if length == 0 || len(all)%length != 0 {
		r.bad = true
		return nil
	}
	return slices.Collect(slices.Chunk(all, length))
}

func unflat(v []float32) (s shape) {
	for i := range s {
		s[i] = point{float64(v[2*i]), float64(v[2*i+1])}
	}
	return s
}

func wide(v []float32) []float64 {
	out := make([]float64, len(v))
	for i, f := range v {
		out[i] = float64(f)
	}
	return out
}
