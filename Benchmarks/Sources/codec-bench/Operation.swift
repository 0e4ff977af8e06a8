import BenchmarkMessages
import CSICore
import CSIProto

/// One thing that the codec does, or that is done to a decoded request before a driver sees it, with what it is done to.
enum Operation {
    case decodeCreate([UInt8])
    case encodeCreate(CSIv1.CreateVolumeRequest)
    case decodeList([UInt8])
    case encodeList(CSIv1.ListVolumesResponse)
    case validateCreate(CSIv1.CreateVolumeRequest)
    case validateAttach(CSIv1.ControllerPublishVolumeRequest)
    case validatePublish(CSIv1.NodePublishVolumeRequest)

    init?(_ name: String) {
        let create = BenchmarkMessages.createVolumeRequest()
        let list = CSIv1.ListVolumesResponse(entries: BenchmarkMessages.volumes())
        switch name {
        case "create-decode": self = .decodeCreate(create.encoded())
        case "create-encode": self = .encodeCreate(create)
        case "list-decode": self = .decodeList(list.encoded())
        case "list-encode": self = .encodeList(list)
        case "create-validate": self = .validateCreate(create)
        case "attach-validate": self = .validateAttach(BenchmarkMessages.attachRequest())
        case "publish-validate": self = .validatePublish(BenchmarkMessages.publishRequest())
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
        case .validateCreate(let message): try validate(CreateVolume.self, message, times: times)
        case .validateAttach(let message): try validate(AttachVolume.self, message, times: times)
        case .validatePublish(let message): try validate(PublishVolume.self, message, times: times)
        }
    }

    private func validate<Request: ValidatedRequest>(
        _ type: Request.Type, _ message: Request.Wire, times: Int
    ) throws -> Int {
        var about = 0
        for _ in 0..<times {
            let request = try Request(validating: message)
            if request.subject != nil { about &+= 1 }
        }
        return about
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
