package embedding

// Backwards is the map by which a face is laid on the template.
var Backwards = backwards
