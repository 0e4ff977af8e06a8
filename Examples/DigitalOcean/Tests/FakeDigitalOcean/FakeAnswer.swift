import Foundation

/// What the fake answers, or does not.
package struct FakeAnswer: Sendable {
    package var status: Int
    package var retryAfter: Int?
    package var body: [UInt8]
    /// Whether the connection breaks in the middle of the answer.
    package var isLost = false

    init(_ status: Int, _ content: [String: Any]? = nil, retryAfter: Int? = nil) {
        self.status = status
        self.retryAfter = retryAfter
        body = []
        guard let content, let data = try? JSONSerialization.data(withJSONObject: content, options: [.sortedKeys])
        else { return }
        body = Array(data)
    }

    init(text: String) {
        status = 200
        body = Array(text.utf8)
    }

    /// An error, as the API writes it.
    static func error(_ status: Int, _ message: String, retryAfter: Int? = nil) -> FakeAnswer {
        let ids = [
            401: "unauthorized", 404: "not_found", 409: "conflict", 422: "unprocessable_entity",
            429: "too_many_requests",
        ]
        return FakeAnswer(status, ["id": ids[status] ?? "server_error", "message": message], retryAfter: retryAfter)
    }

    static let absent = error(404, "The resource you were accessing could not be found.")
}
