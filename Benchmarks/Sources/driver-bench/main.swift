import CSIProto
import CSITransport
import Glibc

// driver-bench SOCKET probe|create CALLS CONCURRENT    prints calls per second; create makes a new volume each time
// driver-bench CONTROLLER NODE publish DIR TIMES       prints the medians of a read-only publish and an unpublish, in us
//
// Volumes are named bench-N and stay; the pool is the caller's to throw away.

let arguments = CommandLine.arguments
do {
    switch arguments.count {
    case 5:
        guard let calls = Int(arguments[3]), let concurrent = Int(arguments[4]) else { throw Usage() }
        let rate = try await Calls(path: arguments[1]).rate(of: arguments[2], calls: calls, concurrent: concurrent)
        print(Int(rate))
    case 6 where arguments[3] == "publish":
        guard let times = Int(arguments[5]) else { throw Usage() }
        let publishing = Publishing(controller: arguments[1], node: arguments[2], directory: arguments[4])
        let (publish, unpublish) = try await publishing.medians(times: times)
        print(publish, unpublish)
    default: throw Usage()
    }
} catch is Usage {
    print("usage: driver-bench SOCKET probe|create CALLS CONCURRENT | CONTROLLER NODE publish DIR TIMES")
    exit(64)
} catch {
    print("driver-bench: \(error)")
    exit(EXIT_FAILURE)
}

/// The command line is none that this program knows.
struct Usage: Error {}
