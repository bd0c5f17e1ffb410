package temporal

import (
	"net"

	"go.temporal.io/server/chasm"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/persistence/serialization"
	"go.temporal.io/server/common/pprof"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/common/resource"
	"go.temporal.io/server/service/frontend"
	"go.temporal.io/server/service/history"
	"go.temporal.io/server/service/history/replication"
	"go.temporal.io/server/service/matching"
	"go.temporal.io/server/service/worker"
	"go.temporal.io/server/temporal"
	"go.uber.org/fx"
)

// module is temporal.TopLevelModule with services that use our listeners. The server has no option for that: by itself
// each service opens the port of its configuration, and ends the process when it cannot.
func (all listeners) module() fx.Option {
	return fx.Options(
		fx.Provide(
			temporal.NewServerFxImpl,
			temporal.ServerOptionsProvider,
			temporal.TaskCategoryRegistryProvider,
			temporal.ApplyClusterMetadataConfigProvider,
			resource.ArchivalMetadataProvider,
			all.provide(primitives.HistoryService, history.QueueModule, history.Module, replication.Module),
			all.provide(primitives.MatchingService, matching.Module),
			all.provide(primitives.WorkerService, worker.Module),
			all.provide(primitives.FrontendService, frontend.Module),
		),
		dynamicconfig.Module,
		pprof.Module,
		temporal.TraceExportModule,
		chasm.Module,
		serialization.Module,
		temporal.FxLogAdapter,
		fx.Invoke(temporal.ServerLifetimeHooks),
	)
}

// provide returns a constructor of one service.
func (all listeners) provide(
	name primitives.ServiceName, modules ...fx.Option,
) func(temporal.ServiceProviderParamsCommon) (temporal.ServicesGroupOut, error) {
	return func(params temporal.ServiceProviderParamsCommon) (temporal.ServicesGroupOut, error) {
		options := []fx.Option{
			params.GetCommonServiceOptions(name),
			fx.Options(modules...),
			fx.Decorate(func() net.Listener { return all[name] }),
		}
		if name == primitives.FrontendService {
			options = append(options, fx.Supply(params.CustomFrontendInterceptors))
		}
		app := fx.New(options...)
		return temporal.NewService(app, name, params.Logger), app.Err()
	}
}
