/// Why a schema cannot be generated.
struct SchemaError: Error {
    let message: String

    init(_ message: String) {
        self.message = message
    }
}
