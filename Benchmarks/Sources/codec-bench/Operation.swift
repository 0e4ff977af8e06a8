import BenchmarkMessages
import CSIProto

/// One thing that the codec does, with what it does it to.
enum Operation {
    case decodeCreate([UInt8])
    case encodeCreate(CSIv1.CreateVolumeRequest)
    case decodeList([UInt8])
    case encodeList(CSIv1.ListVolumesResponse)

    init?(_ name: String) {
        let create = BenchmarkMessages.createVolumeRequest()
        let list = CSIv1.ListVolumesResponse(entries: BenchmarkMessages.volumes())
        switch name {
        case "create-decode": self = .decodeCreate(create.encoded())
        case "create-encode": self = .encodeCreate(create)
        case "list-decode": self = .decodeList(list.encoded())
        case "list-encode": self = .encodeList(list)
        default: return nil
        }
    }

    /// Does it so many times; answers something that depends on every result, so that none is left out.
    func run(times: Int) throws -> Int {
        switch self {
        case .decodeCreate(let bytes): try decode(CSIv1.CreateVolumeRequest.self, bytes, times: times)
        case .decodeList(let bytes): try decode(CSIv1.ListVolumesResponse.self, bytes, times: times)
        case .encodeCreate(let message): encode(message, times: times)
        case .encodeList(let message): encode(message, times: times)
        }
    }

    private func decode<Message: ProtoMessage>(_ type: Message.Type, _ bytes: [UInt8], times: Int) throws -> Int {
        var known = 0
        for _ in 0..<times {
            let message = try bytes.withUnsafeBytes { bytes in try Message(decoding: bytes) }
            if message.unknownFields.isEmpty { known &+= 1 }
        }
        return known
    }

    private func encode(_ message: some ProtoMessage, times: Int) -> Int {
        var total = 0
        for _ in 0..<times { total &+= message.encodedMessage().count }
        return total
    }
}
