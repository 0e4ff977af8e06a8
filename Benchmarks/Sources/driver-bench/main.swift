import CSIProto
import CSITransport
import Glibc

// driver-bench SOCKET probe|create|delete CALLS CONCURRENT   prints calls per second; create makes a new volume each time,
//                                                            delete removes what a create with the same numbers made
// driver-bench SOCKET list TIMES PAGE                  prints the median of a page of so many volumes, in us
// driver-bench SOCKET snapshot                         prints when a snapshot of the first volume is ready, in us
// driver-bench CONTROLLER NODE publish DIR TIMES       prints the medians of a read-only publish and an unpublish, in us
// driver-bench SOCKET volume NAME BYTES TYPE           makes a volume with a file system and prints its id
// driver-bench SOCKET image-snapshot VOLUME TIMES      prints the median of a snapshot, in us; each is deleted again
// driver-bench CONTROLLER NODE life DIR TIMES          prints the medians of the life of a 1 GiB XFS volume, in us: all of it, then
//                                                      create, stage, publish, unpublish, unstage, delete
// driver-bench CONTROLLER NODE node-calls DIR TIMES    prints the medians of publish, stats, unpublish of a staged volume, in us
//
// Volumes are named bench-N and stay; the pool is the caller's to throw away.

let arguments = CommandLine.arguments
do {
    switch arguments.count {
    case 3 where arguments[2] == "snapshot":
        print(try await Calls(path: arguments[1]).snapshotTime())
    case 5 where arguments[2] == "list":
        guard let times = Int(arguments[3]), times > 0, let page = Int32(arguments[4]) else { throw Usage() }
        print(try await Calls(path: arguments[1]).listMedian(times: times, page: page))
    case 5 where arguments[2] == "image-snapshot":
        guard let times = Int(arguments[4]), times > 0 else { throw Usage() }
        print(try await Images(controller: arguments[1]).snapshotMedian(of: arguments[3], times: times))
    case 6 where arguments[2] == "volume":
        guard let bytes = Int64(arguments[4]) else { throw Usage() }
        print(try await Images(controller: arguments[1]).make(arguments[3], bytes, arguments[5]))
    case 6 where arguments[3] == "life":
        guard let times = Int(arguments[5]), times > 0 else { throw Usage() }
        let medians = try await Images(controller: arguments[1]).lifeMedians(arguments[2], arguments[4], times: times)
        print(medians.map(String.init).joined(separator: " "))
    case 6 where arguments[3] == "node-calls":
        guard let times = Int(arguments[5]), times > 0 else { throw Usage() }
        let medians = try await Images(controller: arguments[1]).nodeMedians(arguments[2], arguments[4], times: times)
        print(medians.map(String.init).joined(separator: " "))
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
    print(
        "usage: driver-bench SOCKET probe|create|delete CALLS CONCURRENT | SOCKET list TIMES PAGE | SOCKET snapshot | SOCKET volume NAME BYTES TYPE | SOCKET image-snapshot VOLUME TIMES | CONTROLLER NODE publish|life|node-calls DIR TIMES"
    )
    exit(64)
} catch {
    print("driver-bench: \(error)")
    exit(EXIT_FAILURE)
}

/// The command line is none that this program knows.
struct Usage: Error {}
