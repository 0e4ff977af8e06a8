/// First in, first out; one element needs no array.
struct MessageQueue<Element> {
    private var first: Element?
    private var rest: [Element?] = []
    private var next = 0

    /// Whether nothing waits.
    var isEmpty: Bool { first == nil }

    /// How many wait.
    var count: Int { (first == nil ? 0 : 1) + rest.count - next }

    /// The one to be taken next.
    var head: Element? { first }

    /// Adds an element at the end.
    mutating func append(_ element: Element) {
        if first == nil { first = element } else { rest.append(element) }
    }

    /// Takes the first element.
    mutating func take() -> Element? {
        guard let element = first else { return nil }
        if next < rest.count {
            first = rest[next]
            rest[next] = nil
            next += 1
            if next == rest.count || (next >= 64 && next * 2 >= rest.count) {
                rest.removeFirst(next)
                next = 0
            }
        } else {
            first = nil
        }
        return element
    }

    /// Drops everything.
    mutating func removeAll() {
        first = nil
        rest = []
        next = 0
    }
}
