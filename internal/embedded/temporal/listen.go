package temporal

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/primitives"
)

// listeners are the open sockets of the server's services. They are opened before the server is built and handed to
// it: a port that is chosen, closed and opened again later may be taken in between, by another server or by an
// outgoing connection.
type listeners map[primitives.ServiceName]net.Listener

// listenAll opens a socket for each service. frontend is taken over; nil opens a free port for it too.
func listenAll(ctx context.Context, frontend net.Listener) (listeners, error) {
	all := listeners{}
	if frontend != nil {
		all[primitives.FrontendService] = frontend
	}
	for _, name := range []primitives.ServiceName{
		primitives.FrontendService, primitives.HistoryService, primitives.MatchingService, primitives.WorkerService,
	} {
		if all[name] == nil {
			l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
			if err != nil {
				all.close()
				return nil, fmt.Errorf("the Temporal server has no free port on 127.0.0.1: %w", err)
			}
			all[name] = l
		}
	}
	return all, nil
}

// close closes every socket, also those that the server closed already.
func (all listeners) close() {
	for _, l := range all {
		_ = l.Close()
	}
}

// services is the server's own view of its addresses.
func (all listeners) services() (map[string]config.Service, error) {
	services := map[string]config.Service{}
	for name, l := range all {
		at, err := addrPort(l)
		if err != nil {
			return nil, err
		}
		services[string(name)] = config.Service{RPC: config.RPC{GRPCPort: int(at.Port()), BindOnIP: at.Addr().String()}}
	}
	return services, nil
}

// hosts makes the membership static: there is no ring to join or leave, so that starts and stops are quick and servers
// in one process do not find each other.
func (all listeners) hosts() map[primitives.ServiceName]static.Hosts {
	hosts := map[primitives.ServiceName]static.Hosts{}
	for name, l := range all {
		hosts[name] = static.SingleLocalHost(l.Addr().String())
	}
	return hosts
}

func addrPort(l net.Listener) (netip.AddrPort, error) { return netip.ParseAddrPort(l.Addr().String()) }

// requireLoopback refuses sockets that other machines can reach: neither the server nor its Web UI asks for a password.
func requireLoopback(what string, l net.Listener) error {
	at, err := addrPort(l)
	if err != nil || !at.Addr().Unmap().IsLoopback() {
		return errors.Join(fmt.Errorf(
			"%s cannot listen on %s: it asks for no password, so only a loopback address such as 127.0.0.1 is allowed", what, l.Addr()), err)
	}
	return nil
}
