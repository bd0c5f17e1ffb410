// Package photo turns the bytes of a photo into measures and pictures: it inspects files while they stream in, decodes
// them, finds and scores the face, aligns and normalises it, varies it, and compares faces within a set.
//
// It does no I/O and knows no clock. Everything it computes is repeatable: the same bytes give the same result.
//
// A photo's way through the files, from judge.go:
//
//	the file     file, inspect*, exif, decode, memory
//	its pixels   picture, coded, row, ycc, turn, plane, reduce, blur; tile and draw cut and turn faces; affine, patch
//	its faces    scan and cascade run Pigo's cascades, detect searches, face looks closely, plausible believes it or not,
//	             noface says why there is none
//	measures     quality names them; measure, framing, detail, eyes, mouth, colour, border, background, thumb take them
//	verdict      rules is the table of cuts, findings applies it, score makes the guide's scores
//	who it is    describer is the port; describe, warp, common and descriptor are the classical one
//	the set      set; hash, aligned and duplicates tell copies, company strangers, coverage and advice what is missing,
//	             best which are used
//	pictures     prepare, augment, thumbnail
package photo
