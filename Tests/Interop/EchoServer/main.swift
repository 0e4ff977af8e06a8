import CSIProto
import CSITransport
import Glibc
import Synchronization

// Every kind of call that gRPC knows, for an independent client to make: echo-server unix:///PATH.sock. Ends by a signal.

typealias Text = GoogleProtobuf.StringValue

func method(_ name: String, requests: Bool = false, responses: Bool = false) -> RPCMethod<Text, Text> {
    RPCMethod(service: "interop.Echo", name: name, requestStreaming: requests, responseStreaming: responses)
}

/// How many handlers wait for their cancellation or have, and how many have seen it.
final class Cancellations: Sendable {
    private let awaited = Atomic<Int>(0)
    private let seen = Atomic<Int>(0)

    var begun: Int { awaited.load(ordering: .relaxed) }
    var count: Int { seen.load(ordering: .relaxed) }

    /// Waits for the cancellation of the calling task.
    func wait() async {
        awaited.add(1, ordering: .relaxed)
        while !Task.isCancelled { try? await Task.sleep(for: .seconds(60)) }
        seen.add(1, ordering: .relaxed)
    }
}

let cancellations = Cancellations()
var router = RPCRouter()

router.unary(method("Unary")) { (request, context) async throws(RPCError) in
    // The fields of the call come back before the answer, and after it under another name.
    var initial = Metadata()
    var trailing = Metadata()
    for text in context.metadata.textValues(for: "x-echo") {
        initial.add(text, for: "x-echo")
        trailing.add(text, for: "x-after")
    }
    for bytes in context.metadata.binaryValues(for: "x-echo-bin") {
        initial.addBinary(bytes, for: "x-echo-bin")
        trailing.addBinary(bytes, for: "x-after-bin")
    }
    context.setInitialMetadata(initial)
    context.setTrailingMetadata(trailing)
    return request
}
router.immediate(method("Immediate")) { (request, _) throws(RPCError) in request }
router.unary(method("Fail")) { (request, _) async throws(RPCError) in
    // "9 why not"
    let parts = request.value.split(separator: " ", maxSplits: 1).map(String.init)
    throw RPCError(
        code: RPCCode(rawValue: Int(parts.first ?? "") ?? 2), message: parts.dropFirst().first ?? "",
        metadata: ["x-why": "on-purpose", "x-why-bin": .binary([0, 255])])
}
router.unary(method("Large")) { (request, _) async throws(RPCError) in
    Text(value: String(repeating: "x", count: Int(request.value) ?? 0))
}
router.unary(method("TimeLeft")) { (_, context) async throws(RPCError) in
    guard let deadline = context.deadline else { return Text(value: "none") }
    return Text(value: String((deadline - .now) / .milliseconds(1)))
}
router.unary(method("Hang")) { (_, _) async throws(RPCError) in
    await cancellations.wait()
    throw RPCError(code: .cancelled, message: "cancelled")
}
router.immediate(method("Begun")) { (_, _) throws(RPCError) in Text(value: String(cancellations.begun)) }
router.immediate(method("Cancellations")) { (_, _) throws(RPCError) in Text(value: String(cancellations.count)) }

router.serverStreaming(method("Count", responses: true)) { (request, _, writer) async throws(RPCError) in
    // "5" counts to 5, "5 9" fails then with the code 9, "5 hang" waits to be cancelled.
    let parts = request.value.split(separator: " ").map(String.init)
    for number in 0..<(Int(parts.first ?? "") ?? 0) { try await writer.send(Text(value: String(number))) }
    guard let then = parts.dropFirst().first else { return }
    if let code = Int(then) { throw RPCError(code: RPCCode(rawValue: code), message: "enough") }
    await cancellations.wait()
}
router.clientStreaming(method("Join", requests: true)) { (reader, _) async throws(RPCError) in
    var joined = ""
    while let next = try await reader.next() {
        joined += next.value
        // A handler need not read everything.
        if next.value == "stop" { break }
    }
    return Text(value: joined)
}
router.bidirectional(method("Chat", requests: true, responses: true)) {
    (reader, writer, context) async throws(RPCError) in
    context.setInitialMetadata(["x-chat": "begun"])
    while let next = try await reader.next() {
        if next.value == "fail" { throw RPCError(code: .aborted, message: "as asked") }
        if next.value == "stop" { return }
        try await writer.send(next)
    }
    context.setTrailingMetadata(["x-chat": "ended"])
}

let health = HealthService()
health.set(.notServing, for: "interop.Resting")
health.add(to: &router)
ReflectionService(files: CSIv1.files + GRPCHealthV1.files).add(to: &router)

do {
    let endpoint = try Endpoint(parsing: CommandLine.arguments.dropFirst().first ?? "")
    try RPCServer(endpoint: endpoint, router: router).runOnCallingThread()
} catch {
    print("echo-server: \(error)")
    exit(EXIT_FAILURE)
}
