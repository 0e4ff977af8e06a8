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

// SwiftPM names a program's main function after its target; libFuzzer's own is not linked then, but its driver is.

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutablePointer<UnsafeMutableRawPointer?>,
    _ target: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// Runs libFuzzer.
@_cdecl("fuzz_decode_main")
public func fuzzMain(_ count: CInt, _ arguments: UnsafeMutableRawPointer?) -> CInt {
    var count = count
    var arguments = arguments
    return runDriver(&count, &arguments, fuzz)
}
