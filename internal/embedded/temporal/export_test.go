package temporal

// Sockets are the addresses of the server's services.
func (s *Server) Sockets() []string {
	var addresses []string
	for _, l := range s.sockets {
		addresses = append(addresses, l.Addr().String())
	}
	return addresses
}
