/// The header blocks of an answer as the client reads them: the head, and the trailers, which may be one block.
///
/// Pure.
struct ResponseHead {
    /// The custom metadata before the first message.
    private(set) var initialMetadata = Metadata()

    /// The custom metadata after the last message.
    private(set) var trailingMetadata = Metadata()

    /// Names and values of all blocks plus 32 for each field.
    private(set) var listBytes = 0

    private var httpStatus = 0
    private var contentType: String?
    private var encoding: String?
    private var status: Int?
    private var message = ""
    private var blocks = 0

    /// Takes one field of the current block.
    mutating func add(name: WireText, value: WireText) {
        listBytes += name.count + value.count + 32
        switch name.count {
        case 7 where name.equals(":status"): httpStatus = Int(value.text) ?? 0
        case 11 where name.equals("grpc-status"): status = Int(value.text) ?? RPCCode.unknown.rawValue
        case 12 where name.equals("grpc-message"): message = PercentEncoding.decode(value)
        case 12 where name.equals("content-type"): contentType = value.text
        case 13 where name.equals("grpc-encoding"): encoding = value.equals("identity") ? nil : value.excerpt()
        case 20 where name.equals("grpc-accept-encoding"): break
        default: addCustom(name, value)
        }
    }

    private mutating func addCustom(_ name: WireText, _ value: WireText) {
        if name.first == UInt8(ascii: ":") { return }
        var values: [Metadata.Value] = [.text(value.text)]
        if name.ends(with: "-bin") {
            values = value.split(separator: UInt8(ascii: ",")).compactMap { Base64.decode($0).map { .binary($0) } }
        }
        for value in values {
            if blocks == 0 {
                initialMetadata.append(name: name.text, value: value)
            } else {
                trailingMetadata.append(name: name.text, value: value)
            }
        }
    }

    /// Takes the end of a block; an error ends the call at once.
    mutating func endBlock(endsStream: Bool) throws(RPCError) {
        // Interim answers (1xx) precede the head.
        if blocks == 0 && (100..<200).contains(httpStatus) && !endsStream {
            self = ResponseHead()
            return
        }
        blocks += 1
        if blocks == 1 && endsStream {
            trailingMetadata = initialMetadata
            initialMetadata = Metadata()
        }
        guard blocks == 1, !endsStream else { return }
        guard httpStatus == 200 else {
            throw RPCError(
                code: ResponseHead.code(ofHTTP: httpStatus), message: "the server answered HTTP \(httpStatus)")
        }
        guard contentType?.hasPrefix("application/grpc") == true else {
            throw RPCError(code: .unknown, message: "the server answered with content-type \(contentType ?? "(none)")")
        }
        if let encoding {
            throw RPCError(code: .internalError, message: "the server answered in the unknown encoding \(encoding)")
        }
    }

    /// How the call ended, once the stream has: nil is OK.
    func outcome(streamCode: UInt32) -> RPCError? {
        if let status {
            return status == 0
                ? nil : RPCError(code: RPCCode(rawValue: status), message: message, metadata: trailingMetadata)
        }
        if streamCode != HTTP2ErrorCode.noError {
            return RPCError(
                code: ResponseHead.code(ofReset: streamCode),
                message: "the server reset the call (HTTP/2 \(streamCode))")
        }
        if httpStatus != 200 && httpStatus != 0 {
            return RPCError(
                code: ResponseHead.code(ofHTTP: httpStatus), message: "the server answered HTTP \(httpStatus)")
        }
        return RPCError(code: .unknown, message: "the server ended the call without a status")
    }

    private static func code(ofHTTP status: Int) -> RPCCode {
        switch status {
        case 400: .internalError
        case 401: .unauthenticated
        case 403: .permissionDenied
        case 404: .unimplemented
        case 429, 502, 503, 504: .unavailable
        default: .unknown
        }
    }

    private static func code(ofReset code: UInt32) -> RPCCode {
        switch code {
        case HTTP2ErrorCode.refusedStream: .unavailable
        case HTTP2ErrorCode.cancel: .cancelled
        case HTTP2ErrorCode.enhanceYourCalm: .resourceExhausted
        default: .internalError
        }
    }
}
