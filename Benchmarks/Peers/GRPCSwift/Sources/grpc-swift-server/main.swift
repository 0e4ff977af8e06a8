import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2
import GRPCProtobuf
import Messages
import SwiftProtobuf

// The same three methods as bare-server, on grpc-swift-2: grpc-swift-server PATH.sock MESSAGES-DIR. Ends by a signal.

func message<M: SwiftProtobuf.Message>(_ name: String) throws -> M {
    let url = URL(fileURLWithPath: CommandLine.arguments[2]).appendingPathComponent(name)
    return try M(serializedBytes: [UInt8](Data(contentsOf: url)))
}

guard CommandLine.arguments.count == 3 else {
    print("usage: grpc-swift-server PATH.sock MESSAGES-DIR")
    exit(64)
}
let created: Csi_V1_CreateVolumeResponse = try message("create-response.bin")
let list: Csi_V1_ListVolumesResponse = try message("list-response.bin")
let server = GRPCServer(
    transport: .http2NIOPosix(
        address: .unixDomainSocket(path: CommandLine.arguments[1]), transportSecurity: .plaintext),
    services: [BenchmarkService(created: created.volume, entries: list.entries)])
try await server.serve()
