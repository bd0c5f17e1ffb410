package localtrainer

// Teach is tested directly, because a training for each of its rules would take seconds.
var Teach = teach
