/// The routes as one connection asks for them: most calls are of the method that was called last.
struct RouteCache {
    private let table: RouteTable
    private var last: Route?

    /// A cache before `table`.
    init(_ table: RouteTable) {
        self.table = table
    }

    /// The route of `path`.
    mutating func route(for path: WireText) -> Route? {
        if let last, path.equals(last.pathBytes) { return last }
        guard let found = table.route(for: path) else { return nil }
        last = found
        return found
    }
}
