/// The last `user-agent` of a connection, so that the text is made once and not for every call.
struct UserAgentCache {
    private var bytes: [UInt8] = []
    private var alone = Metadata()

    /// Adds the user agent to a call's metadata.
    mutating func add(_ value: WireText, to metadata: inout Metadata) {
        if !value.equals(bytes) || alone.isEmpty {
            bytes = Array(value)
            alone = Metadata()
            alone.append(name: "user-agent", value: .text(value.text))
        }
        if metadata.isEmpty {
            metadata = alone
        } else {
            metadata.append(name: "user-agent", value: alone[0].value)
        }
    }
}
