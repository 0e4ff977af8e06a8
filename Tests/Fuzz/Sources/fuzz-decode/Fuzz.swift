import CSIProto
import Everything

/// Decodes the input as a message chosen by its first byte: no input may trap, read out of bounds or expand without
/// bound.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = UnsafeRawBufferPointer(start: start, count: count)
    guard let choice = input.first else { return 0 }
    let bytes = UnsafeRawBufferPointer(rebasing: input.dropFirst())
    let types: [any ProtoMessage.Type] = CSIv1.messages + GRPCReflectionV1.messages
    if choice < 128 {
        decode(SwiftCsiTest.Everything.self, bytes)
    } else {
        let type = types[Int(choice) % types.count]
        decode(type, bytes)
    }
    return 0
}

private func decode<Message: ProtoMessage>(_ type: Message.Type, _ bytes: UnsafeRawBufferPointer) {
    guard let message = try? Message(decoding: bytes) else { return }
    // Rendering for a log must cope with whatever was decoded, and keep to one line.
    precondition(!message.description.utf8.contains { $0 < 0x20 || $0 == 0x7f })
}
