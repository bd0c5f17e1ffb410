package postgres

// OutliveParent makes servers started from now on stay when this process is killed, as they do on other systems.
func OutliveParent() { deathSignal = 0 }
