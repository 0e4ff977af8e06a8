/// The header block of a call, checked field by field as it arrives.
struct RequestHead {
    /// Why a call is refused before its handler runs.
    struct Rejection {
        let httpStatus: Int
        let error: RPCError
    }

    private enum ContentType {
        case missing
        case grpc
        case other(String)
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

    private var wrongMethod: String?
    private var contentType = ContentType.missing
    private var badTimeout: String?
    private var badBinaryField: String?
    private var unknownEncoding: String?

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
            if !value.equals("POST") { wrongMethod = value.excerpt(20) }
        case 7 where name.equals(":scheme"): break
        case 10 where name.equals(":authority"): break
        case 10 where name.equals("user-agent"): userAgents.add(value, to: &metadata)
        case 12 where name.equals("content-type"):
            let matches =
                value.equals("application/grpc") || value.equals("application/grpc+proto")
                || value.begins(with: "application/grpc;") || value.begins(with: "application/grpc+proto;")
            contentType = matches ? .grpc : .other(value.excerpt())
        case 12 where name.equals("grpc-timeout"):
            timeout = GRPCTimeout.parse(value)
            if timeout == nil { badTimeout = value.excerpt() }
        case 13 where name.equals("grpc-encoding"):
            if !value.equals("identity") { unknownEncoding = value.excerpt() }
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
                badBinaryField = name.excerpt()
                return
            }
            metadata.append(name: name.text, value: .binary(bytes))
        }
    }

    /// What is wrong with the whole block; nil when the call may go on.
    func rejection(limit: Int) -> Rejection? {
        if listBytes > limit {
            return reject(431, .resourceExhausted, "the header list has \(listBytes) bytes; the limit is \(limit)")
        }
        if let wrongMethod { return reject(405, .internalError, "the HTTP method is \(wrongMethod), not POST") }
        switch contentType {
        case .grpc: break
        case .missing: return reject(415, .invalidArgument, "the request has no content-type")
        case .other(let text): return reject(415, .invalidArgument, "the content-type \(text) is not application/grpc")
        }
        if let badTimeout { return reject(400, .internalError, "malformed grpc-timeout: \(badTimeout)") }
        if let badBinaryField { return reject(400, .internalError, "the field \(badBinaryField) is not base64") }
        if let unknownEncoding {
            return reject(200, .unimplemented, "the grpc-encoding \(unknownEncoding) is not supported")
        }
        if route == nil { return reject(200, .unimplemented, "unknown method \(unknownPath)") }
        return nil
    }

    /// Whether the refusal is for the encoding, and has to name the ones that are accepted.
    var hasUnknownEncoding: Bool { unknownEncoding != nil }

    private func reject(_ status: Int, _ code: RPCCode, _ message: String) -> Rejection {
        Rejection(httpStatus: status, error: RPCError(code: code, message: message))
    }
}
