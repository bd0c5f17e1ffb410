package photo

import (
	"encoding/binary"
	"image"
	"math"
)

// drawSlack is how many bytes must follow the line below a tile's last one: two pixels are read with one load of eight
// bytes, and those below are read even where their weight is zero.
const drawSlack = 8

// Positions are whole numbers of 2^-32 pixels, so that a step can be added thousands of times.
const positionBits = 32

func position(v float64) int { return int(math.Round(v * (1 << positionBits))) }

// draw makes a picture of w by h pixels whose pixel at q shows the upright photo at m(q). Beyond the photo's edge the
// border repeats. When the tile is finer than what is drawn, four samples a pixel keep fine detail from aliasing.
func (t *tile) draw(m affine, w, h int) *image.RGBA {
	m = m.then(t.from)
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	samples := []Point{{0.5, 0.5}}
	if m.scale() > 1.1 {
		samples = []Point{{0.25, 0.25}, {0.75, 0.25}, {0.25, 0.75}, {0.75, 0.75}}
	}
	for y := range h {
		t.drawRow(out.Pix[y*out.Stride:][:4*w], m, float64(y), samples)
	}
	return out
}

// drawRow draws one row of pixels, each the mean of its samples.
func (t *tile) drawRow(row []uint8, m affine, y float64, samples []Point) {
	var at [4][2]int
	inside := true
	n := len(samples)
	stepX, stepY := position(m.a), position(m.d)
	steps := len(row)/4 - 1
	for i, s := range samples {
		sx, sy := m.at(s.X, y+s.Y)
		at[i] = [2]int{position(sx - 0.5), position(sy - 0.5)}
		inside = inside && t.holds(at[i]) && t.holds([2]int{at[i][0] + steps*stepX, at[i][1] + steps*stepY})
	}
	switch {
	case inside && n == 1:
		t.drawInside(row, at[0], stepX, stepY)
		return
	case inside:
		t.drawFineInside(row, at, stepX, stepY)
		return
	}
	half := uint64(n / 2)
	shift := n / 2 // the mean of 1 or 4
	for x := 0; x < len(row); x += 4 {
		var rb, g uint64
		for i := range at[:n] {
			p, q := t.blend(t.clamped(at[i]))
			rb, g = rb+p, g+q
			at[i][0] += stepX
			at[i][1] += stepY
		}
		rb, g = (rb+(half|half<<32))>>shift, (g+half)>>shift
		px := row[x : x+4 : x+4]
		px[0], px[1], px[2], px[3] = uint8(rb), uint8(g), uint8(rb>>32), 0xFF
	}
}

// drawInside draws a row of single samples, all of which have neighbours. It is blend written out for speed: a crop has
// a million samples.
func (t *tile) drawInside(row []uint8, at [2]int, stepX, stepY int) {
	const lanes = 0x00FF00FF00FF
	pix, stride := t.rgb[:cap(t.rgb)], 3*t.w
	x, y := at[0]+1<<(positionBits-5), at[1]+1<<(positionBits-5)
	for ; len(row) >= 4; row = row[4:] {
		fx, fy := uint64(x>>(positionBits-4)&15), uint64(y>>(positionBits-4)&15)
		from := 3*(x>>positionBits) + stride*(y>>positionBits)
		p, q := binary.LittleEndian.Uint64(pix[from:]), binary.LittleEndian.Uint64(pix[from+stride:])
		a := p&lanes*(16-fy) + q&lanes*fy
		b := p>>8&lanes*(16-fy) + q>>8&lanes*fy
		rb := a&0xFFFFFFFF*(16-fx) + b>>16*fx + 0x00800080
		g := b&0xFFFF*(16-fx) + a>>32*fx + 0x80
		binary.LittleEndian.PutUint32(row, uint32(rb>>8&0xFF|g&0xFF00|rb>>24&0xFF<<16|0xFF<<24))
		x += stepX
		y += stepY
	}
}

// drawFineInside draws a row of four samples a pixel in the same way, which are added up without their last two bits.
func (t *tile) drawFineInside(row []uint8, at [4][2]int, stepX, stepY int) {
	const lanes = 0x00FF00FF00FF
	pix, stride := t.rgb[:cap(t.rgb)], 3*t.w
	for i := range at {
		at[i][0] += 1 << (positionBits - 5)
		at[i][1] += 1 << (positionBits - 5)
	}
	moveX, moveY := 0, 0
	for ; len(row) >= 4; row = row[4:] {
		var redBlue, green uint64
		for i := range at {
			x, y := at[i][0]+moveX, at[i][1]+moveY
			fx, fy := uint64(x>>(positionBits-4)&15), uint64(y>>(positionBits-4)&15)
			from := 3*(x>>positionBits) + stride*(y>>positionBits)
			p, q := binary.LittleEndian.Uint64(pix[from:]), binary.LittleEndian.Uint64(pix[from+stride:])
			a := p&lanes*(16-fy) + q&lanes*fy
			b := p>>8&lanes*(16-fy) + q>>8&lanes*fy
			redBlue += (a&0xFFFFFFFF*(16-fx) + b>>16*fx) >> 2 & 0x3FFF3FFF
			green += b&0xFFFF*(16-fx) + a>>32*fx
		}
		redBlue += 0x00800080
		green += 0x200
		binary.LittleEndian.PutUint32(row, uint32(redBlue>>8&0xFF|green>>10&0xFF<<8|redBlue>>24&0xFF<<16|0xFF<<24))
		moveX += stepX
		moveY += stepY
	}
}

// holds reports whether a position has neighbours to the right and below.
func (t *tile) holds(at [2]int) bool {
	return at[0] >= 0 && at[1] >= 0 && at[0]>>positionBits < t.w-1 && at[1]>>positionBits < t.h-1
}

func (t *tile) clamped(at [2]int) (x, y int) {
	return min(max(at[0], 0), (t.w-1)<<positionBits), min(max(at[1], 0), (t.h-1)<<positionBits)
}

// blend interpolates between the four pixels around a position, in steps of a sixteenth. It returns red and blue, 32
// bits apart, and green. All channels of two neighbours are worked on at once, in lanes of 16 bits.
func (t *tile) blend(x, y int) (redBlue, green uint64) {
	const lanes = 0x00FF00FF00FF
	x, y = x+1<<(positionBits-5), y+1<<(positionBits-5) // to the nearest sixteenth
	column, line := x>>positionBits, y>>positionBits
	fx, fy := uint64(x>>(positionBits-4)&15), uint64(y>>(positionBits-4)&15)
	from := 3 * (line*t.w + column)
	pix := t.rgb[:cap(t.rgb)]
	p, q := binary.LittleEndian.Uint64(pix[from:]), binary.LittleEndian.Uint64(pix[from+3*t.w:])
	// Down: red, blue of the left pixel and green of the right one, and the other three.
	a := p&lanes*(16-fy) + q&lanes*fy
	b := p>>8&lanes*(16-fy) + q>>8&lanes*fy
	// Across.
	rb := a&0xFFFFFFFF*(16-fx) + b>>16*fx + 0x00800080
	g := b&0xFFFF*(16-fx) + a>>32*fx + 0x80
	return rb>>8&0xFF | rb>>24&0xFF<<32, g >> 8
}
