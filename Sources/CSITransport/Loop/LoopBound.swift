/// A value that only its loop's thread touches, wrapped so that it can travel.
///
/// Sendable because every access checks that it happens on the loop's thread.
struct LoopBound<Value>: @unchecked Sendable {
    /// The loop whose thread owns the value.
    let loop: EventLoop

    private let stored: Value

    /// Wraps `value`, which belongs to `loop`.
    init(_ value: Value, on loop: EventLoop) {
        self.loop = loop
        self.stored = value
    }

    /// The value; only to be read on the loop's thread.
    var value: Value {
        precondition(loop.isCurrent, "used off its event loop")
        return stored
    }

    /// Runs `body` on the loop's thread, at once when called there; false when the loop has ended.
    @discardableResult
    func tell(_ body: @escaping @Sendable (Value) -> Void) -> Bool {
        loop.trySubmit { body(self.value) }
    }

    /// Runs `body` on the loop's thread and answers its result; nil when the loop has ended.
    func ask<Result: Sendable>(_ body: @escaping @Sendable (Value) -> Result) async -> Result? {
        if loop.isCurrent { return body(value) }
        return await withCheckedContinuation { continuation in
            if !tell({ continuation.resume(returning: body($0)) }) { continuation.resume(returning: nil) }
        }
    }
}
