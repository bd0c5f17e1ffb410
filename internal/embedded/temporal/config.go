package temporal

import (
	"time"

	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	sqliteplugin "go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/common/primitives"
)

// clusterName is the name that Temporal's own development server gives its only cluster.
const clusterName = "active"

// serverConfig is the configuration of a server with these sockets and this database.
func serverConfig(sockets listeners, store store) (*config.Config, error) {
	services, err := sockets.services()
	if err != nil {
		return nil, err
	}
	frontend := sockets[primitives.FrontendService].Addr().String()
	const disabled = "disabled"
	return &config.Config{
		// Services get twice this to start. Nothing joins anything, but the default is too short for a busy machine.
		Global: config.Global{Membership: config.Membership{MaxJoinDuration: 30 * time.Second}},
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
				clusterName: {Enabled: true, InitialFailoverVersion: 1, RPCAddress: frontend},
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
		PublicClient: config.PublicClient{HostPort: frontend},
	}, nil
}

// dynamicSettings tune the server for one user. With the defaults an activity costs 41 ms instead of 9 to 13, and timers
// and retries of less than a second fire a second late.
func dynamicSettings() dynamicconfig.StaticClient {
	return dynamicconfig.StaticClient{
		dynamicconfig.TransferProcessorMaxPollRPS.Key():   1000,
		dynamicconfig.TimerProcessorMaxPollRPS.Key():      1000,
		dynamicconfig.VisibilityProcessorMaxPollRPS.Key(): 1000,
		dynamicconfig.TimerProcessorMaxTimeShift.Key():    10 * time.Millisecond,

		// A deletion waits until the close of the workflow is acknowledged, and the rows of finished tasks, which name
		// the workflow, are kept until then: half a minute with the defaults.
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

		// Operators may pause workflows in the Web UI.
		dynamicconfig.WorkflowPauseEnabled.Key(): true,

		// No other host has to learn that this server stops, so there is nothing to wait for.
		dynamicconfig.HistoryShutdownDrainDuration.Key():            time.Duration(0),
		dynamicconfig.MatchingShutdownDrainDuration.Key():           time.Duration(0),
		dynamicconfig.FrontendShutdownDrainDuration.Key():           time.Duration(0),
		dynamicconfig.FrontendShutdownFailHealthCheckDuration.Key(): time.Duration(0),
	}
}
