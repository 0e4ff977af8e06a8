/// The first line of an HTTP/1.x request, found in what has arrived so far.
enum HTTPRequestLine: Equatable {
    /// The head is not complete yet.
    case incomplete

    /// A GET or HEAD of this path, without its query.
    case path(String, isHead: Bool)

    /// A request that is answered with this status and line.
    case refused(Int, String)

    /// The largest head that is read, in bytes; a probe or a scraper sends a few hundred.
    static let limit = 8 << 10

    /// Looks at what has arrived.
    init(in bytes: [UInt8]) {
        guard let end = HTTPRequestLine.endOfHead(bytes) else {
            self = bytes.count < HTTPRequestLine.limit ? .incomplete : .refused(431, "the head is too large")
            return
        }
        let line = bytes[..<(bytes.firstIndex { $0 == 0x0D || $0 == 0x0A } ?? end)]
        let words = line.split(separator: 0x20, omittingEmptySubsequences: false)
        guard words.count == 3, words[2].starts(with: "HTTP/1.".utf8), words[1].first == UInt8(ascii: "/") else {
            self = .refused(400, "not a request of HTTP/1")
            return
        }
        let isHead = words[0].elementsEqual("HEAD".utf8)
        guard isHead || words[0].elementsEqual("GET".utf8) else {
            self = .refused(405, "only GET and HEAD are answered")
            return
        }
        let path = words[1].prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
        self = .path(String(decoding: path, as: UTF8.self), isHead: isHead)
    }

    /// Where the empty line begins that ends the head; bare line feeds are accepted as servers do.
    private static func endOfHead(_ bytes: [UInt8]) -> Int? {
        var start = 0
        while let feed = bytes[start...].firstIndex(of: 0x0A) {
            let next = bytes.index(after: feed)
            if next < bytes.count, bytes[next] == 0x0A { return feed }
            if next + 1 < bytes.count, bytes[next] == 0x0D, bytes[next + 1] == 0x0A { return feed }
            start = next
        }
        return nil
    }
}
