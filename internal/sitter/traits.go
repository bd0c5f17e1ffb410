package sitter

import "math"

// traits describe a person's appearance. Lengths are in eye distances; proportions are those of grown-ups: eyes 63 mm
// apart, face 135 mm wide, eyes to chin 115 mm, eyes to mouth 68 mm, nose 48 mm.
type traits struct {
	seed uint32

	skin, lips, hair, brow, iris vec
	redness, freckles, age       float64
	moles                        [3]vec // x, y, radius

	width, depth, crown, chin         float64 // half width, half depth, height above and below the eyes
	jaw, chinWidth, cheekbone, temple float64

	eyeGap, eyeWidth, eyeHeight, eyeTilt, lidFold, socket float64
	browHeight, browThick, browArch, browTilt, browLength float64
	noseLength, noseWidth, noseHeight, noseBridge         float64
	mouthY, mouthWidth, lipUpper, lipLower                float64

	hairline, hairTop, hairSide float64 // height of the hairline, thickness on top and at the sides
	hairLength                  float64 // lowest point of long hair below the eyes; 0 for short hair
	fringe, part, wave          float64
	bald                        bool
	beard, stubble              float64
	outfitTaste                 uint64
}

var skinTones = []vec{
	srgb(0xf1cfbb), srgb(0xe9bd9f), srgb(0xdba882), srgb(0xc58f68), srgb(0xa8734d), srgb(0x875636), srgb(0x643c25),
}

var hairTones = []vec{
	srgb(0x15110f), srgb(0x241a15), srgb(0x3a281c), srgb(0x553822), srgb(0x7a5230), srgb(0xa67c48), srgb(0xc9a66e),
	srgb(0x7c3a1c), srgb(0x8d8884),
}

// grey is the place of grey hair in hairTones.
const grey = 8

var irisTones = []vec{
	srgb(0x3a2415), srgb(0x54351c), srgb(0x6b5a2e), srgb(0x5c7060), srgb(0x5b7f9c), srgb(0x7b8f9c),
}

func (s Sitter) traits() *traits {
	r := newRandom(s.identity, 0xface)
	for range 4 {
		r.next()
	}
	near := func(mean, spread float64) float64 { return mean + spread*max(-2, min(2, r.bell())) }
	t := &traits{seed: uint32(r.next())}
	manly := r.unit() // 0 to 1; correlates related traits
	if r.chance(0.8) {
		manly = step(0.35, 0.65, manly)
	}

	tone := r.unit() * float64(len(skinTones)-1)
	at := int(tone)
	t.skin = skinTones[at].mix(skinTones[at+1], tone-float64(at))
	dark := tone / float64(len(skinTones)-1)
	t.age = math.Pow(r.unit(), 1.6)
	t.redness = r.between(0.2, 1) * (1 - 0.5*dark)
	if dark < 0.45 && r.chance(0.3) {
		t.freckles = r.between(0.4, 1)
	}
	for i := range t.moles {
		t.moles[i] = vec{r.between(-0.85, 0.85), r.between(-0.7, 1.5), r.between(0.008, 0.022)}
	}

	hairs, irises := 6, 5
	if dark > 0.45 {
		hairs, irises = 2, 1
	}
	shade := r.pick(hairs + 1)
	if dark < 0.3 && r.chance(0.12) {
		shade = 7
	}
	if t.age > 0.75 && r.chance(0.7) {
		shade = grey
	}
	t.hair = hairTones[shade].scale(r.between(0.8, 1.25))
	t.brow = t.hair.mix(srgb(0x1c130d), 0.55)
	if shade == grey {
		t.brow = t.hair.mix(srgb(0x1c130d), 0.75) // brows go grey last
	}
	if most := 0.32 * t.skin.y; t.brow.y > most {
		t.brow = t.brow.scale(most / t.brow.y)
	}
	t.iris = irisTones[r.pick(irises+1)].scale(r.between(0.85, 1.2))
	t.lips = t.skin.times(vec{0.86, 0.46, 0.45}).mix(srgb(0x9c3540), (0.15+0.35*r.unit())*(1-0.8*manly))

	t.width = near(1.07, 0.045) + 0.03*manly
	t.depth = near(1.24, 0.04)
	t.crown = near(1.74, 0.05)
	t.chin = near(1.70, 0.07) + 0.06*manly
	t.jaw = near(0.01, 0.055) + 0.09*manly
	t.chinWidth = near(0, 0.06) + 0.07*manly
	t.cheekbone = near(0.075, 0.03)
	t.temple = near(0, 0.02)

	t.eyeGap = near(0.50, 0.022)
	t.eyeWidth = near(0.262, 0.018)
	t.eyeHeight = near(0.122, 0.017) + 0.014*(1-manly)
	t.eyeTilt = near(0.035, 0.05)
	t.lidFold = r.between(0.02, 0.075)
	t.socket = near(0.105, 0.03)
	t.browHeight = near(0.345, 0.04) - 0.03*manly
	t.browThick = near(0.062, 0.014) + 0.026*manly
	t.browArch = near(0.05, 0.03) + 0.02*(1-manly)
	t.browTilt = near(0, 0.03)
	t.browLength = near(0.34, 0.025)
	t.noseLength = near(0.67, 0.05)
	t.noseWidth = near(0.205, 0.028) + 0.03*dark + 0.015*manly
	t.noseHeight = near(0.40, 0.06)
	t.noseBridge = near(0.13, 0.04)
	t.mouthY = t.noseLength + near(0.37, 0.03)
	t.mouthWidth = near(0.395, 0.035)
	t.lipUpper = near(0.092, 0.02) + 0.02*dark
	t.lipLower = near(0.125, 0.022) + 0.02*dark

	t.hairline = near(1.0, 0.08)
	t.hairTop = r.between(0.10, 0.34)
	t.hairSide = r.between(0.04, 0.14)
	t.part = r.between(-0.5, 0.5)
	t.wave = r.between(0, 1)
	if r.chance(0.35) {
		t.fringe = r.between(0.25, 0.5)
	}
	switch {
	case manly < 0.5:
		t.hairSide = r.between(0.08, 0.18)
		t.hairLength = r.between(0.9, 3.2)
		if r.chance(0.2) {
			t.hairLength = 0
		}
	default:
		t.hairline += 0.18 * t.age
		t.fringe *= 0.6
		t.bald = t.age > 0.35 && r.chance(0.25)
		if r.chance(0.4) {
			t.beard = r.between(0.5, 1)
		}
		t.stubble = r.between(0, 0.7)
	}
	if highest := (t.hairline - t.browHeight - t.browArch - 0.15) / 1.3; t.fringe > highest {
		t.fringe = highest // the brows stay uncovered
	}
	t.outfitTaste = r.next()
	return t
}
