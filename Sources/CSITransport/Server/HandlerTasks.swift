/// The tasks that run a server's handlers, each of them one call after the other.
///
/// Making a task that prefers an executor costs a quarter of a small call; waking one that rests does not. Only the loop's
/// thread touches it.
final class HandlerTasks {
    /// Tasks that rest: a burst of calls is not remembered for ever.
    private static let capacity = 128

    private let loop: EventLoop
    @exclusivity(unchecked) private var resting: [HandlerTask] = []
    @exclusivity(unchecked) private var isClosed = false

    init(loop: EventLoop) {
        self.loop = loop
    }

    /// Runs `call` to its end; answers the task, which belongs to the call until then.
    func run(_ run: @escaping Route.Run, _ call: ServerCall) -> Task<Void, Never>? {
        let task = resting.popLast() ?? HandlerTask(owner: self)
        return task.run(HandlerTask.Work(run: run, call: call), on: loop)
    }

    /// Keeps a task that has nothing to do; false when it shall end.
    fileprivate func keep(_ task: HandlerTask) -> Bool {
        guard !isClosed, resting.count < HandlerTasks.capacity else { return false }
        resting.append(task)
        return true
    }

    /// Ends the tasks that rest now, and the others when their calls have ended.
    func close() {
        isClosed = true
        let ended = resting
        resting = []
        for task in ended { task.end() }
    }
}

/// One of the tasks.
private final class HandlerTask {
    /// A call to be run.
    struct Work: Sendable {
        let run: Route.Run
        let call: ServerCall
    }

    private let owner: HandlerTasks
    // Exclusivity is unchecked for the reason given in `ServerConnection`.
    @exclusivity(unchecked) private var work: Work?
    // Taken out before it is resumed, so that it is resumed once.
    @exclusivity(unchecked) private var rest: UnsafeContinuation<Void, Never>?
    @exclusivity(unchecked) private var task: Task<Void, Never>?

    init(owner: HandlerTasks) {
        self.owner = owner
    }

    /// Wakes the task, which is made for its first call.
    func run(_ work: Work, on loop: EventLoop) -> Task<Void, Never>? {
        self.work = work
        if let rest = rest.take() {
            rest.resume()
        } else {
            let bound = LoopBound(self, on: loop)
            task = Task(executorPreference: loop) { await HandlerTask.serve(bound) }
        }
        return task
    }

    /// Ends the task, which rests.
    func end() {
        rest.take()?.resume()
    }

    private func takeWork() -> Work? {
        defer { work = nil }
        return work
    }

    private nonisolated(nonsending) static func serve(_ task: LoopBound<HandlerTask>) async {
        while let work = task.value.takeWork() {
            await work.run(work.call)
            work.call.handlerEnded()
            // A task that was cancelled stays so, and one that is no longer on the loop has outlived it.
            guard task.loop.isCurrent, !Task.isCancelled, task.value.owner.keep(task.value) else { break }
            // Resumed exactly once: by `run`, which the owner calls after it has kept the task, or by `end`.
            await withUnsafeContinuation { task.value.rest = $0 }
        }
    }
}
