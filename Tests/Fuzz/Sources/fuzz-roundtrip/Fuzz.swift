import CSIProto
import Everything

/// Decodes the input, encodes what came out and decodes that again: it must be the same message, and encoding must be
/// stable.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = UnsafeRawBufferPointer(start: start, count: count)
    guard let choice = input.first else { return 0 }
    let bytes = UnsafeRawBufferPointer(rebasing: input.dropFirst())
    let types: [any ProtoMessage.Type] = CSIv1.messages + GRPCReflectionV1.messages
    if choice < 128 {
        roundTrip(SwiftCsiTest.Everything.self, bytes)
    } else {
        let type = types[Int(choice) % types.count]
        roundTrip(type, bytes)
    }
    return 0
}

private func roundTrip<Message: ProtoMessage>(_ type: Message.Type, _ bytes: UnsafeRawBufferPointer) {
    guard let message = try? Message(decoding: bytes) else { return }
    let encoded = message.encoded()
    // Keys and values that an entry left out are written, so that encoding can take more room than the input did; what
    // elements may take in memory grows with it.
    guard let again = try? Message(decoding: encoded) else { preconditionFailure("our own bytes are refused") }
    precondition(again.encoded() == encoded, "encoding is not stable")
    let frame = message.encodedFrame().array
    precondition(frame.count == encoded.count + 5 && frame.dropFirst(5).elementsEqual(encoded))
    // NaN differs from itself; anything else must be equal.
    precondition(again == message || message.description.contains("nan"), "decoding has changed the message")
}

// SwiftPM names a program's main function after its target; libFuzzer's own is not linked then, but its driver is.

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutablePointer<UnsafeMutableRawPointer?>,
    _ target: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// Runs libFuzzer.
@_cdecl("fuzz_roundtrip_main")
public func fuzzMain(_ count: CInt, _ arguments: UnsafeMutableRawPointer?) -> CInt {
    var count = count
    var arguments = arguments
    return runDriver(&count, &arguments, fuzz)
}
