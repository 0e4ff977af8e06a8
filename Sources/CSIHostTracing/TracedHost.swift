public import CSIHost
import Tracing

extension Host {
    /// This host with a span around each of its operations, or this host itself where no tracer is set up.
    ///
    /// A span is named after the operation, for example `host.bindMount`, carries the path as `host.path` and, after a
    /// failure, the kind of error as `host.error`; its parent is the span of the task that asked. Set the tracer up
    /// first: the host keeps the one that it finds.
    public func traced() -> any Host {
        let tracer = InstrumentationSystem.tracer
        return tracer is NoOpTracer ? self : TracedHost(base: self, tracing: HostTracing(tracer: tracer))
    }
}

/// A host whose operations are seen by a tracer.
struct TracedHost: Host {
    let base: any Host
    let tracing: HostTracing

    var mounts: any MountControl { TracedMounts(base: base.mounts, tracing: tracing) }

    var files: any FileStore { TracedFiles(base: base.files, tracing: tracing) }

    var programs: any Programs { TracedPrograms(base: base.programs, tracing: tracing) }

    var fileSystems: any FileSystems { TracedFileSystems(base: base.fileSystems, tracing: tracing) }

    var loops: any LoopDevices { TracedLoopDevices(base: base.loops, tracing: tracing) }

    var devices: any BlockDevices { TracedBlockDevices(base: base.devices, tracing: tracing) }

    var system: any SystemInspection { TracedSystem(base: base.system, tracing: tracing) }

    var network: any NetworkFileSystems { TracedNetworkFileSystems(base: base.network, tracing: tracing) }

    var clock: any HostClock { base.clock }
}
