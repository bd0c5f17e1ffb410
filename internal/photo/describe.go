package photo

import "math"

// The part of a face that is described: brows to below the mouth, without hair, background and jaw line.
const (
	descHalf, descUp, descDown = 0.8, 0.5, 1.5 // eye distances to the sides, above and below the eyes
	descWidth, descHeight      = 96, 120
	cellSide                   = 8
	cellsAcross, cellsDown     = descWidth / cellSide, descHeight / cellSide
	orientations               = 8

	rawLength = cellsDown * (cellsAcross / 2) * orientations
)

// rawDescription is histograms of oriented gradients (Dalal and Triggs 2005) of a face that is warped to the mean shape
// and whose light is normalised (Tan and Triggs 2010).
//
// It is the sum of the left and the mirrored right half of the face. Turning the head, or moving the light to the other
// side, changes a face more than exchanging it for another person's; the sum removes most of that.
func (a Aligned) rawDescription() Descriptor {
	cells := a.shaped(descWidth, descHeight).levelled().gradients()
	d := make(Descriptor, 0, rawLength)
	for y := range cellsDown {
		for x := range cellsAcross / 2 {
			left, right := cells[y][x], cells[y][cellsAcross-1-x]
			for o, v := range left {
				// Mirrored, a gradient to the right is one to the left.
				d = append(d, v+right[(orientations+orientations/2-o)%orientations])
			}
		}
	}
	d.normalise()
	return d
}

// levelled normalises the light on a face: gamma, difference of Gaussians, contrast equalised and limited.
func (g plane) levelled() field {
	const fineBlur, coarseBlur, limit = 1.2, 4.8, 5
	f := field{make([]float32, len(g.pix)), g.w, g.h}
	for i, v := range g.pix {
		f.pix[i] = brightness[v]
	}
	fine, coarse := f.blurred(fineBlur), f.blurred(coarseBlur)
	var sum float64
	for i := range f.pix {
		f.pix[i] = fine.pix[i] - coarse.pix[i]
		sum += math.Pow(math.Abs(float64(f.pix[i])), 0.1)
	}
	k := math.Pow(sum/float64(len(f.pix)), -10)
	sum = 0
	for i, v := range f.pix {
		f.pix[i] = float32(float64(v) * k)
		sum += math.Pow(min(10, math.Abs(float64(f.pix[i]))), 0.1)
	}
	k = math.Pow(sum/float64(len(f.pix)), -10)
	for i, v := range f.pix {
		f.pix[i] = float32(math.Tanh(float64(v) * k / limit))
	}
	return f
}

// brightness is a level after the gamma.
var brightness = func() (t [256]float32) {
	for level := range t {
		t[level] = float32(math.Pow(float64(level)/255, 0.2))
	}
	return t
}()

// gradients are the cells' histograms of oriented gradients, each normalised by the energy around its cell.
func (f field) gradients() (out [cellsDown][cellsAcross][orientations]float32) {
	var cells [cellsDown][cellsAcross][orientations]float64
	for y := 1; y < f.h-1; y++ {
		for x := 1; x < f.w-1; x++ {
			i := y*f.w + x
			dx, dy := float64(f.pix[i+1]-f.pix[i-1]), float64(f.pix[i+f.w]-f.pix[i-f.w])
			strength := math.Sqrt(dx*dx + dy*dy)
			at := (math.Atan2(dy, dx)/(2*math.Pi) + 1) * orientations
			bin := int(at)
			share := at - float64(bin)
			// Each gradient counts in the four nearest cells, so that a shift of a pixel changes little.
			cy, cx := (float64(y)+0.5)/cellSide-0.5, (float64(x)+0.5)/cellSide-0.5
			y0, x0 := int(math.Floor(cy)), int(math.Floor(cx))
			for _, n := range [4][2]int{{y0, x0}, {y0, x0 + 1}, {y0 + 1, x0}, {y0 + 1, x0 + 1}} {
				if n[0] < 0 || n[0] >= cellsDown || n[1] < 0 || n[1] >= cellsAcross {
					continue
				}
				w := strength * (1 - math.Abs(cy-float64(n[0]))) * (1 - math.Abs(cx-float64(n[1])))
				cells[n[0]][n[1]][bin%orientations] += w * (1 - share)
				cells[n[0]][n[1]][(bin+1)%orientations] += w * share
			}
		}
	}
	for y := range cellsDown {
		for x := range cellsAcross {
			energy := 1e-6
			for ny := max(0, y-1); ny <= min(y+1, cellsDown-1); ny++ {
				for nx := max(0, x-1); nx <= min(x+1, cellsAcross-1); nx++ {
					for _, v := range cells[ny][nx] {
						energy += v
					}
				}
			}
			for o, v := range cells[y][x] {
				out[y][x][o] = float32(math.Sqrt(v / energy))
			}
		}
	}
	return out
}
