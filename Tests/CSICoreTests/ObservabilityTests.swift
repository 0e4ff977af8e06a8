@testable import CSICore

extension Call: ExpressibleByStringLiteral {
    public init(stringLiteral method: String) {
        self.init(
            method: method, path: "/csi.v1.Test/\(method)", id: RequestID(prefix: "test-", number: 1), trace: nil,
            startedAt: .now)
    }
}
