import Foundation
import Messages
import SwiftProtobuf

// The operations of codec-bench on swift-protobuf: swift-protobuf-codec MESSAGES-DIR run OPERATION TIMES | time OPERATION MS

func bytes(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(fileURLWithPath: CommandLine.arguments[1]).appendingPathComponent(name)))
}

func decode<M: SwiftProtobuf.Message>(_ type: M.Type, _ bytes: [UInt8], _ times: Int) throws -> Int {
    var known = 0
    for _ in 0..<times {
        let message = try M(serializedBytes: bytes)
        if message.unknownFields.data.isEmpty { known &+= 1 }
    }
    return known
}

func encode<M: SwiftProtobuf.Message>(_ message: M, _ times: Int) throws -> Int {
    var total = 0
    for _ in 0..<times {
        let encoded: [UInt8] = try message.serializedBytes()
        total &+= encoded.count
    }
    return total
}

func operation(_ name: String) throws -> ((Int) throws -> Int)? {
    let create = try bytes("create-request.bin")
    let list = try bytes("list-response.bin")
    switch name {
    case "create-decode": return { try decode(Csi_V1_CreateVolumeRequest.self, create, $0) }
    case "list-decode": return { try decode(Csi_V1_ListVolumesResponse.self, list, $0) }
    case "create-encode":
        let message = try Csi_V1_CreateVolumeRequest(serializedBytes: create)
        return { try encode(message, $0) }
    case "list-encode":
        let message = try Csi_V1_ListVolumesResponse(serializedBytes: list)
        return { try encode(message, $0) }
    default: return nil
    }
}

func cpuNanoseconds() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// The median of the means of several batches, measured as codec-bench does.
func nanoseconds(_ run: (Int) throws -> Int, _ milliseconds: Int) throws -> Int {
    let batches = 7
    let wanted = milliseconds * 1_000_000 / (batches + 1)
    var times = 1
    var spent = 0
    while spent < wanted / 4 {
        times *= 2
        let started = cpuNanoseconds()
        _ = try run(times)
        spent = cpuNanoseconds() - started
    }
    times = max(1, times * wanted / max(1, spent))
    var means: [Int] = []
    for _ in 0..<batches {
        let started = cpuNanoseconds()
        _ = try run(times)
        means.append((cpuNanoseconds() - started) / times)
    }
    return means.sorted()[batches / 2]
}

let arguments = CommandLine.arguments
guard arguments.count == 5, let amount = Int(arguments[4]), let run = try operation(arguments[3]) else {
    print("usage: swift-protobuf-codec MESSAGES-DIR run OPERATION TIMES | time OPERATION MS")
    exit(64)
}
_ = try run(2)
print(arguments[2] == "run" ? try run(amount) : try nanoseconds(run, amount))
