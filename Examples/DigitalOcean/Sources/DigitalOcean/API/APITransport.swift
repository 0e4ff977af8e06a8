/// One request to the API.
struct APIRequest: Sendable, Hashable {
    var method: String
    /// The path with its query, for example `/v2/volumes?page=2`.
    var path: String
    var body: [UInt8] = []
}

/// What the API answered.
struct APIResponse: Sendable, Hashable {
    var status: Int
    /// How long to stay away, when the API says so.
    var retryAfter: Duration?
    var body: [UInt8] = []
}

/// There was no answer, or not all of it: the request may have been carried out or not.
struct ConnectionFailure: Error {
    var detail: String
}

/// How requests reach the API; tests put their own in its place, or around it.
protocol APITransport: Sendable {
    func send(_ request: APIRequest, within limit: Duration) async throws(ConnectionFailure) -> APIResponse
}
