// Package photo turns the bytes of a photo into measures and pictures: it inspects files while they stream in, decodes
// them, finds and scores the face, aligns and normalises it, makes variants of it, and compares the faces of a set.
//
// It does no I/O and reads no clock. Its results are repeatable: the same bytes give the same result.
//
// Its files, in the order in which a photo passes them:
//
//	entry        judge; file for photos that were sent, guard against panics
//	file         inspect*, exif, decode; memory plans, buffers holds the budget
//	pixels       picture, coded, row, ycc, turn, plane, reduce, blur; tile and draw cut and turn faces; affine, patch
//	faces        scan and cascade run Pigo's cascades, detect searches, face refines, plausible decides what is a face,
//	             noface explains why none was found
//	measures     quality lists them; measure, framing, detail, eyes, mouth, colour, border, background, thumb
//	verdict      rules has the cuts, findings applies them, score computes the guide's scores
//	identity     describer is the interface; describe, warp, common and descriptor implement the classical describer
//	set          set; hash, aligned and duplicates find copies, company finds strangers, coverage and advice what is
//	             missing, best chooses
//	pictures     prepare, augment, thumbnail
package photo
