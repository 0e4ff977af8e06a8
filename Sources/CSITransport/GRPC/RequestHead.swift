/// The header block of a call, checked field by field as it arrives.
struct RequestHead {
    /// Why a call is refused before its handler runs.
    struct Rejection {
        let httpStatus: Int
        let error: RPCError
    }

    /// What is wrong with a field.
    private enum Flaw {
        case method(String)
        case contentType(String)
        case timeout(String)
        case binaryField(String)
        case encoding(String)
    }

    /// The route that `:path` names; nil when there is none.
    private(set) var route: Route?

    /// The path, kept only when no route has it.
    private(set) var unknownPath = ""

    /// The nanoseconds of `grpc-timeout`.
    private(set) var timeout: UInt64?

    /// The custom metadata and the user agent.
    private(set) var metadata = Metadata()

    /// Names and values plus 32 for each field.
    private(set) var listBytes = 0

    // Nil rather than empty: most heads are in order, and should cost nothing.
    private var flaws: [Flaw]?
    private var hasContentType = false

    /// Takes one field; the fields past `limit` are counted but not kept.
    mutating func add(name: WireText, value: WireText, routes: RouteTable, limit: Int, userAgents: inout UserAgentCache)
    {
        listBytes += name.count + value.count + 32
        guard listBytes <= limit else { return }
        switch name.count {
        case 2 where name.equals("te"): break
        case 4 where name.equals("host"): break
        case 5 where name.equals(":path"):
            route = routes.route(for: value)
            if route == nil { unknownPath = value.excerpt(200) }
        case 7 where name.equals(":method"):
            if !value.equals("POST") { flaws = (flaws ?? []) + [.method(value.excerpt(20))] }
        case 7 where name.equals(":scheme"): break
        case 10 where name.equals(":authority"): break
        case 10 where name.equals("user-agent"): userAgents.add(value, to: &metadata)
        case 12 where name.equals("content-type"):
            let matches =
                value.equals("application/grpc") || value.equals("application/grpc+proto")
                || value.begins(with: "application/grpc;") || value.begins(with: "application/grpc+proto;")
            hasContentType = true
            if !matches { flaws = (flaws ?? []) + [.contentType(value.excerpt())] }
        case 12 where name.equals("grpc-timeout"):
            timeout = GRPCTimeout.parse(value)
            if timeout == nil { flaws = (flaws ?? []) + [.timeout(value.excerpt())] }
        case 13 where name.equals("grpc-encoding"):
            if !value.equals("identity") { flaws = (flaws ?? []) + [.encoding(value.excerpt())] }
        case 14 where name.equals("content-length"): break
        default: addCustom(name, value)
        }
    }

    /// Counts a field that is not looked at.
    mutating func count(_ name: WireText, _ value: WireText) {
        listBytes += name.count + value.count + 32
    }

    private mutating func addCustom(_ name: WireText, _ value: WireText) {
        if name.first == UInt8(ascii: ":") { return }
        guard name.ends(with: "-bin") else {
            if !name.begins(with: "grpc-") { metadata.append(name: name.text, value: .text(value.text)) }
            return
        }
        // Several values of one name may have been joined with commas.
        for part in value.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
            var part = part
            while part.first == UInt8(ascii: " ") { part.removeFirst() }
            while part.last == UInt8(ascii: " ") { part.removeLast() }
            guard let bytes = Base64.decode(part) else {
                flaws = (flaws ?? []) + [.binaryField(name.excerpt())]
                return
            }
            metadata.append(name: name.text, value: .binary(bytes))
        }
    }

    /// Whether the call may go on.
    func isAcceptable(limit: Int) -> Bool {
        route != nil && flaws == nil && hasContentType && listBytes <= limit
    }

    /// Why the call may not go on: of several reasons, the one that HTTP looks at first.
    func rejection(limit: Int) -> Rejection {
        if listBytes > limit {
            return reject(431, .resourceExhausted, "the header list has \(listBytes) bytes; the limit is \(limit)")
        }
        for case .method(let name) in flaws ?? [] {
            return reject(405, .internalError, "the HTTP method is \(name), not POST")
        }
        guard hasContentType else { return reject(415, .invalidArgument, "the request has no content-type") }
        for case .contentType(let type) in flaws ?? [] {
            return reject(415, .invalidArgument, "the content-type \(type) is not application/grpc")
        }
        switch flaws?.first {
        case .timeout(let text): return reject(400, .internalError, "malformed grpc-timeout: \(text)")
        case .binaryField(let name): return reject(400, .internalError, "the field \(name) is not base64")
        case .encoding(let name): return reject(200, .unimplemented, "the grpc-encoding \(name) is not supported")
        case .method, .contentType, nil: return reject(200, .unimplemented, "unknown method \(unknownPath)")
        }
    }

    /// Whether the refusal has to name the encodings that are accepted.
    var hasUnknownEncoding: Bool {
        (flaws ?? []).contains { flaw in if case .encoding = flaw { true } else { false } }
    }

    private func reject(_ status: Int, _ code: RPCCode, _ message: String) -> Rejection {
        Rejection(httpStatus: status, error: RPCError(code: code, message: message))
    }
}
