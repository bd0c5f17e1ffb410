package temporal

import (
	"time"

	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/membership/static"
	sqliteplugin "go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/common/primitives"
)

// clusterName is what Temporal's own development server calls its only cluster.
const clusterName = "active"

// settings are the configuration of one server and where its four services listen.
type settings struct {
	*config.Config
	hosts map[primitives.ServiceName]static.Hosts
}

// serverConfig puts all four services on loopback ports of this process. The hosts are static: there is no ring to
// join or leave, which makes starts and stops quick and servers in one process strangers to each other.
func serverConfig(frontend endpoint, store store) (settings, error) {
	services := map[string]config.Service{}
	hosts := map[primitives.ServiceName]static.Hosts{}
	for _, name := range []primitives.ServiceName{
		primitives.FrontendService, primitives.HistoryService, primitives.MatchingService, primitives.WorkerService,
	} {
		at := frontend
		if name != primitives.FrontendService {
			var err error
			if at, err = reserve("Temporal", ""); err != nil {
				return settings{}, err
			}
		}
		services[string(name)] = config.Service{RPC: config.RPC{GRPCPort: at.port, BindOnIP: at.ip}}
		hosts[name] = static.SingleLocalHost(at.String())
	}
	const disabled = "disabled"
	return settings{hosts: hosts, Config: &config.Config{
		Global: config.Global{Membership: config.Membership{MaxJoinDuration: 30 * time.Second, BroadcastAddress: frontend.ip}},
		Persistence: config.Persistence{
			DefaultStore:     sqliteplugin.PluginName,
			VisibilityStore:  sqliteplugin.PluginName,
			NumHistoryShards: 1,
			DataStores:       map[string]config.DataStore{sqliteplugin.PluginName: {SQL: store.sql()}},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10,
			MasterClusterName:        clusterName,
			CurrentClusterName:       clusterName,
			ClusterInformation: map[string]cluster.ClusterInformation{
				clusterName: {Enabled: true, InitialFailoverVersion: 1, RPCAddress: frontend.String()},
			},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		Services:            services,
		Archival: config.Archival{
			History:    config.HistoryArchival{State: disabled},
			Visibility: config.VisibilityArchival{State: disabled},
		},
		NamespaceDefaults: config.NamespaceDefaults{Archival: config.ArchivalNamespaceDefaults{
			History:    config.HistoryArchivalNamespaceDefaults{State: disabled},
			Visibility: config.VisibilityArchivalNamespaceDefaults{State: disabled},
		}},
		PublicClient: config.PublicClient{HostPort: frontend.String()},
	}}, nil
}

// dynamicSettings make a server of one user quick. With the defaults an activity costs 41 ms instead of 9 to 13, and
// timers and retries of less than a second fire a second late.
func dynamicSettings() dynamicconfig.StaticClient {
	return dynamicconfig.StaticClient{
		dynamicconfig.TransferProcessorMaxPollRPS.Key():   1000,
		dynamicconfig.TimerProcessorMaxPollRPS.Key():      1000,
		dynamicconfig.VisibilityProcessorMaxPollRPS.Key(): 1000,
		dynamicconfig.TimerProcessorMaxTimeShift.Key():    10 * time.Millisecond,

		// A deletion waits until the close of the workflow was acknowledged, and the rows of done tasks, which name the
		// workflow, stay as long: half a minute with the default.
		dynamicconfig.TransferProcessorUpdateAckInterval.Key():   time.Second,
		dynamicconfig.TimerProcessorUpdateAckInterval.Key():      time.Second,
		dynamicconfig.VisibilityProcessorUpdateAckInterval.Key(): time.Second,
		dynamicconfig.OutboundProcessorUpdateAckInterval.Key():   time.Second,

		// One process polls: more partitions only mean more empty polls.
		dynamicconfig.MatchingNumTaskqueueReadPartitions.Key():  1,
		dynamicconfig.MatchingNumTaskqueueWritePartitions.Key(): 1,

		// Tasks of one priority are dispatched in turn by fairness key, so that no user waits for another one's backlog.
		dynamicconfig.MatchingEnableFairness.Key(): true,

		// A search attribute is there as soon as it was registered.
		dynamicconfig.ForceSearchAttributesCacheRefreshOnRead.Key(): true,

		// What operators may do in the Web UI.
		dynamicconfig.WorkflowPauseEnabled.Key(): true,

		// Nobody else needs time to learn that this server goes away.
		dynamicconfig.HistoryShutdownDrainDuration.Key():            time.Duration(0),
		dynamicconfig.MatchingShutdownDrainDuration.Key():           time.Duration(0),
		dynamicconfig.FrontendShutdownDrainDuration.Key():           time.Duration(0),
		dynamicconfig.FrontendShutdownFailHealthCheckDuration.Key(): time.Duration(0),
	}
}
