import CSITransport

/// The `traceparent` of W3C Trace Context: which trace of the caller's a call belongs to.
struct TraceParent: Sendable, Hashable {
    static let fieldName = "traceparent"

    /// The whole value, checked.
    let text: String

    /// The 32 hexadecimal digits that name the trace.
    var traceID: String {
        let start = text.utf8.index(text.startIndex, offsetBy: 3)
        return String(text[start..<text.utf8.index(start, offsetBy: 32)])
    }

    /// The one that came with a call; nil when there is none, more than one, or none that can be used.
    init?(_ metadata: Metadata) {
        var found: String?
        for entry in metadata where entry.name == Self.fieldName {
            guard found == nil, case .text(let text) = entry.value else { return nil }
            found = text
        }
        guard let found else { return nil }
        self.init(parsing: found)
    }

    /// Checks a value.
    ///
    /// Version 00 is exactly `00-<32 hex>-<16 hex>-<2 hex>` in lower case, with neither id all zeros. Of a later version
    /// only the part that they share is read; `ff` is no version.
    init?(parsing text: String) {
        let bytes = Array(text.utf8.prefix(Self.length + 1))
        guard bytes.count >= Self.length, Self.areHex(bytes[0..<2]), bytes[2] == Self.dash,
            Self.areHex(bytes[3..<35]), bytes[35] == Self.dash,
            Self.areHex(bytes[36..<52]), bytes[52] == Self.dash, Self.areHex(bytes[53..<55])
        else { return nil }
        let isFirstVersion = bytes[0] == Self.zero && bytes[1] == Self.zero
        let isNoVersion = bytes[0] == UInt8(ascii: "f") && bytes[1] == UInt8(ascii: "f")
        guard !isNoVersion, bytes[3..<35].contains(where: { $0 != Self.zero }),
            bytes[36..<52].contains(where: { $0 != Self.zero })
        else { return nil }
        if bytes.count > Self.length {
            guard !isFirstVersion, bytes[Self.length] == Self.dash else { return nil }
        }
        self.text = text
    }

    private static let length = 55
    private static let dash = UInt8(ascii: "-")
    private static let zero = UInt8(ascii: "0")

    private static func areHex(_ bytes: ArraySlice<UInt8>) -> Bool {
        bytes.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): true
            default: false
            }
        }
    }
}
