package vault

// CachedKeys returns the number of unwrapped keys in memory.
func (v *Vault) CachedKeys() int {
	v.keys.mu.Lock()
	defer v.keys.mu.Unlock()
	return len(v.keys.cached)
}
