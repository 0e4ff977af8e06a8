/// What `--swift-csi_opt` says, `name=value` separated by commas.
struct GeneratorOptions {
    /// The module with the runtime, nil when the generated code is part of it.
    var imports: String? = "CSIProto"

    init(parsing text: String) throws(SchemaError) {
        for option in text.split(separator: ",") {
            let parts = option.split(separator: "=", maxSplits: 1).map(String.init)
            switch (parts.first, parts.count) {
            case ("import", 2): imports = parts[1] == "none" ? nil : parts[1]
            default: throw SchemaError("unknown option \(option); known: import=MODULE or import=none")
            }
        }
    }
}
