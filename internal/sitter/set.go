package sitter

// shot describes one photo of a set.
type shot struct {
	yaw, distance, smile, mouthOpen float64
	light, contrast                 float64
	warmth, exposure                float64
	place                           place
}

// shots are used in turn. The first five are a small set by themselves, with different angles, expressions, distances, light
// and places.
var shots = [...]shot{
	{yaw: 0, distance: 0.40, smile: 0.25, light: 25, contrast: 0.2, place: inStudio},
	{yaw: -10, distance: 0.36, smile: 0.70, light: -35, contrast: 0.3, warmth: 0.4, place: atWall},
	{yaw: 12, distance: 0.50, smile: 0.05, light: 15, contrast: 0.25, place: inPark},
	{yaw: 3, distance: 0.32, smile: 0.45, light: -15, contrast: 0.4, exposure: 0.2, place: inOffice},
	{yaw: -17, distance: 0.42, smile: 0.95, mouthOpen: 0.12, light: -20, contrast: 0.3, place: inEvening, warmth: 0.6},
	{yaw: 19, distance: 0.38, smile: 0.30, light: 40, contrast: 0.35, exposure: 0.3, place: inPark},
	{yaw: -4, distance: 0.58, smile: 0.05, light: -25, contrast: 0.15, warmth: -0.5, place: inStudio},
	{yaw: 22, distance: 0.40, smile: 0.55, light: 25, contrast: 0.15, place: inOffice},
	{yaw: 7, distance: 0.23, smile: 0.20, light: -10, contrast: 0.45, exposure: 0.35, place: inPark},
	{yaw: -22, distance: 0.38, smile: 0.15, light: -12, contrast: 0.1, place: atWall},
	{yaw: -16, distance: 0.46, smile: 0.85, mouthOpen: 0.2, light: -10, contrast: 0.2, place: inStudio},
	{yaw: 4, distance: 0.34, smile: 0.40, light: 52, contrast: 0.55, warmth: 0.3, place: inOffice},
}

// clearEyes is the distance between the eyes in pixels that every picture of a set has if it is large enough.
const clearEyes = 66

// Set draws n square pictures of side pixels that together make a good training set: frontal and turned by up to 26
// degrees, serious, smiling and laughing, close-up and from further away, in several places, lights and clothes.
// Picture i does not depend on n.
func (s Sitter) Set(n, side int) []Portrait {
	set := make([]Portrait, n)
	for i := range set {
		set[i] = s.SetPortrait(i, side)
	}
	return set
}

// SetPortrait draws picture i of Set alone.
func (s Sitter) SetPortrait(i, side int) Portrait { return s.Draw(side, side, s.setPose(i, side)) }

// setPose is the pose of picture i of a set.
func (s Sitter) setPose(i, side int) Pose {
	r := newRandom(s.identity*0x9e37+uint64(i), 0x5e7)
	shot := shots[i%len(shots)]
	p := DefaultPose()
	p.Yaw = shot.yaw + r.between(-2, 2)
	p.Pitch = r.between(-5, 5)
	p.Roll = r.between(-5, 5)
	p.Smile = min(1, shot.smile*r.between(0.85, 1.1))
	p.MouthOpen = shot.mouthOpen * r.between(0.7, 1.2)
	p.EyesOpen = r.between(0.88, 1)
	p.Light = shot.light + r.between(-10, 10)
	p.Contrast = shot.contrast * r.between(0.8, 1.1)
	p.Warmth = shot.warmth
	p.Exposure = shot.exposure + r.between(-0.15, 0.15)
	p.Distance = shot.distance * r.between(0.95, 1.05)
	// A face that is far away in a small picture has no detail.
	p.Distance = max(p.Distance, min(0.42, clearEyes*2.14/float64(side)))
	p.Background = backgroundOf(r, shot.place)
	p.Outfit = r.next()
	return p
}
