import BenchmarkMessages
import CSIProto
import CSITransport
import Glibc

// The framework's transport and codec and nothing else: what a call costs before a driver does anything. Ends by a signal.

guard CommandLine.arguments.count == 2 else {
    print("usage: bare-server unix:///PATH.sock")
    exit(64)
}

// Made by the first call that needs them: they are the benchmark's, not what an idle server needs.
let volumes = Volumes()

var router = RPCRouter()
// As CSICore answers it for a driver that has nothing to check.
router.immediate(CSIv1.Identity.probe) { (_, _) throws(RPCError) in
    CSIv1.ProbeResponse(ready: .init(value: true))
}
router.unary(CSIv1.Controller.createVolume) { (request, _) async throws(RPCError) in
    var created = Volumes.created
    created.capacityBytes = request.capacityRange?.requiredBytes ?? 0
    return CSIv1.CreateVolumeResponse(volume: created)
}
router.unary(CSIv1.Controller.listVolumes) { [volumes] (_, _) async throws(RPCError) in
    CSIv1.ListVolumesResponse(entries: volumes.entries)
}

do {
    let endpoint = try Endpoint(parsing: CommandLine.arguments[1])
    let server = RPCServer(endpoint: endpoint, router: router)
    try server.runOnCallingThread()
} catch {
    print("bare-server: \(error)")
    exit(EXIT_FAILURE)
}
