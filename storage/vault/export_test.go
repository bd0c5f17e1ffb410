package vault

import "time"

// CachedKeys returns the number of unwrapped keys in memory.
func (v *Vault) CachedKeys() int {
	v.keys.mu.Lock()
	defer v.keys.mu.Unlock()
	return len(v.keys.cached)
}

// ForgetProbe makes the next Check write again.
func (v *Vault) ForgetProbe() {
	<-v.health.turn
	v.health.probed = time.Time{}
	v.health.turn <- struct{}{}
}
