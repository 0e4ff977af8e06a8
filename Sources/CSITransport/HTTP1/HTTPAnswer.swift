/// What a path of an ``HTTPTextServer`` answers.
public struct HTTPAnswer: Sendable, Hashable {
    /// The status, for example 200.
    public let status: Int

    /// The media type of the body.
    public let contentType: String

    /// The body.
    public let body: [UInt8]

    /// Creates an answer of bytes.
    public init(status: Int = 200, contentType: String, body: [UInt8]) {
        self.status = status
        self.contentType = contentType
        self.body = body
    }

    /// Creates an answer of one line of plain text.
    public init(status: Int = 200, line: String) {
        self.init(status: status, contentType: "text/plain; charset=utf-8", body: Array("\(line)\n".utf8))
    }

    /// The answer on the wire; without the body for HEAD.
    func bytes(isHead: Bool) -> [UInt8] {
        let head = """
            HTTP/1.1 \(status) \(HTTPAnswer.reason(status))\r
            content-type: \(contentType)\r
            content-length: \(body.count)\r
            cache-control: no-store\r
            connection: close\r
            \r

            """
        return Array(head.utf8) + (isHead ? [] : body)
    }

    private static func reason(_ status: Int) -> String {
        switch status {
        case 200: "OK"
        case 400: "Bad Request"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 503: "Service Unavailable"
        default: "Status"
        }
    }
}
