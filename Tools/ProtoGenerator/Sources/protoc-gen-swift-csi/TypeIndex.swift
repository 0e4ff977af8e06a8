/// Every message and enum of a run by its full name.
struct TypeIndex {
    struct Entry {
        /// The name to use from anywhere, for example `CSIv1.VolumeCapability.MountVolume`.
        let swiftName: String
        /// Nil for an enum.
        let message: MessageDescriptor?
    }

    private(set) var entries: [String: Entry] = [:]
    /// The messages that a message contains in place, by full name.
    private var contained: [String: Set<String>] = [:]

    init(_ files: [FileDescriptor]) {
        for file in files {
            let scope = file.package.isEmpty ? "" : "." + file.package
            let namespace = Naming.namespace(file.package)
            for message in file.messages { add(message, scope: scope, within: namespace) }
            for type in file.enums { add(type, scope: scope, within: namespace) }
        }
    }

    private mutating func add(_ message: MessageDescriptor, scope: String, within: String) {
        let name = scope + "." + message.name
        let swiftName = within + "." + Naming.type(message.name, suffix: "Message")
        entries[name] = Entry(swiftName: swiftName, message: message)
        contained[name] = Set(message.fields.filter { $0.kind == .message && !$0.isRepeated }.map(\.typeName))
        for nested in message.messages { add(nested, scope: name, within: swiftName) }
        for type in message.enums { add(type, scope: name, within: swiftName) }
    }

    private mutating func add(_ type: EnumDescriptor, scope: String, within: String) {
        let swiftName = within + "." + Naming.type(type.name, suffix: "Enum")
        entries[scope + "." + type.name] = Entry(swiftName: swiftName, message: nil)
    }

    func swiftName(_ name: String) throws(SchemaError) -> String {
        guard let entry = entries[name] else { throw SchemaError("the type \(name) is not known") }
        return entry.swiftName
    }

    /// The entry message behind a map field, or nil for any other field.
    func mapEntry(_ field: FieldDescriptor) -> MessageDescriptor? {
        guard field.isRepeated, field.kind == .message, let entry = entries[field.typeName]?.message,
            entry.options.isMapEntry
        else { return nil }
        return entry
    }

    /// Whether a message kept in place in `outer` would contain `outer` itself.
    func recurs(_ inner: String, in outer: String) -> Bool {
        var seen: Set<String> = []
        var pending = [inner]
        while let name = pending.popLast() {
            if name == outer { return true }
            guard seen.insert(name).inserted else { continue }
            pending += contained[name] ?? []
        }
        return false
    }
}
