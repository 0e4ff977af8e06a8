/// First in, first out; one element needs no array.
struct MessageQueue<Element> {
    private var first: Element?
    // Nil rather than empty: most queues never hold two elements.
    private var rest: [Element?]?
    private var next = 0

    /// Whether nothing waits.
    var isEmpty: Bool { first == nil }

    /// How many wait.
    var count: Int { (first == nil ? 0 : 1) + (rest?.count ?? 0) - next }

    /// The one to be taken next.
    var head: Element? { first }

    /// Adds an element at the end.
    mutating func append(_ element: Element) {
        if first == nil {
            first = element
        } else {
            rest = rest ?? []
            rest?.append(element)
        }
    }

    /// Takes the first element.
    mutating func take() -> Element? {
        guard let element = first else { return nil }
        guard let count = rest?.count, next < count else {
            first = nil
            return element
        }
        first = rest?[next]
        rest?[next] = nil
        next += 1
        if next == count || (next >= 64 && next * 2 >= count) {
            rest?.removeFirst(next)
            next = 0
        }
        return element
    }

    /// Drops everything.
    mutating func removeAll() {
        first = nil
        rest = nil
        next = 0
    }
}
