import CSIProto
import Glibc

// Runs one operation of the codec so and so many times, for callgrind and allocation counters to look at.

func decode<Message: ProtoMessage>(_ type: Message.Type, _ bytes: [UInt8], times: Int) throws {
    for _ in 0..<times {
        let message = try bytes.withUnsafeBytes { bytes in try Message(decoding: bytes) }
        guard message.unknownFields.isEmpty else { exit(EXIT_FAILURE) }
    }
}

func encode(_ message: some ProtoMessage, times: Int) {
    var total = 0
    for _ in 0..<times { total &+= message.encodedFrame().count }
    guard total > 0 || times == 0 else { exit(EXIT_FAILURE) }
}

let create = Messages.createVolume()
let list = Messages.listVolumes()
let createBytes = create.encoded()
let listBytes = list.encoded()
// Lazy globals of the codec are made before anything is counted, and the encoder has learnt the sizes.
encode(create, times: 2)
encode(list, times: 2)

let arguments = CommandLine.arguments
let times = arguments.count > 2 ? Int(arguments[2]) ?? 0 : 0
switch arguments.count > 1 ? arguments[1] : "" {
case "create-decode": try decode(CSIv1.CreateVolumeRequest.self, createBytes, times: times)
case "create-encode": encode(create, times: times)
case "list-decode": try decode(CSIv1.ListVolumesResponse.self, listBytes, times: times)
case "list-encode": encode(list, times: times)
case "sizes": print("create \(createBytes.count) bytes, list \(listBytes.count) bytes")
default:
    print("usage: codec-cost create-decode|create-encode|list-decode|list-encode|sizes TIMES")
    exit(64)
}
