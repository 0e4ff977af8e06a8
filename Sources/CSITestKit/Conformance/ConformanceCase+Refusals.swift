import CSIProto
import CSITransport

extension ConformanceCase {
    /// Refusals of one method: each is a good request with one thing wrong.
    struct Refusals<Request: ProtoMessage, Response: ProtoMessage>: Sendable {
        let group: String
        let method: RPCMethod<Request, Response>
        let needs: [ConformanceNeed]
        let request: @Sendable (ConformanceTrial) async throws -> Request

        /// A row whose request is changed by `change` and refused with one of `codes`.
        func row(
            _ name: String, _ title: String, _ codes: [RPCCode] = [.invalidArgument],
            origin: ConformanceOrigin = .specification, needs more: [ConformanceNeed] = [],
            _ change: @escaping @Sendable (inout Request) -> Void
        ) -> ConformanceCase {
            let expected = codes.map(\.name).joined(separator: " or ")
            return ConformanceCase("\(group)/\(name)", "\(title) is \(expected)", origin, needs: needs + more) {
                [method, request] trial in
                var message = try await request(trial)
                change(&message)
                try await trial.refuse(method, message, codes)
            }
        }
    }

    /// Text past the general limit of 128 bytes.
    static let tooLong = String(repeating: "x", count: 129)

    /// A map past the general limit of 4 KiB.
    static let tooLarge = ProtoMap<String, String>(
        (0..<50).map { ("key-\($0)", String(repeating: "v", count: 100)) })

    /// An id of nothing.
    static let absentID = "conformance-does-not-exist"
}
