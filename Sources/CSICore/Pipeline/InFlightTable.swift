import CSILock

/// Everything that runs and holds keys.
///
/// An equal request of the same method joins the running operation and gets its answer; any other request for a key
/// that is held is refused with ABORTED, naming the holder and its age. Keys are free again when the work has ended, not
/// when a caller gives up. A request to delete ends the work that makes what it names, and is refused all the same: it comes
/// again when that work has ended.
final class InFlightTable: Sendable {
    /// What a report shows of an operation.
    struct Entry: Sendable {
        /// The call that began it.
        let call: Call
        let keys: [OperationKey]
        let age: Duration
        /// Callers that wait for the answer; 0 when all have given up.
        let waiters: Int

        /// The name of the method.
        var method: String { call.method }
    }

    private enum Claim<Reply: Sendable> {
        case started(Operation<Reply>)
        case joined(Operation<Reply>)
        case blocked(CSIError)
        case ending(any InFlightOperation, CSIError)
    }

    private struct Holders {
        var alone: [OperationKey: any InFlightOperation] = [:]
        var shared: [OperationKey: [any InFlightOperation]] = [:]

        /// Who keeps a request with these keys from running, and by which key.
        func conflict(
            _ keys: [OperationKey], _ sharedKeys: [OperationKey]
        ) -> (key: OperationKey, holder: any InFlightOperation)? {
            for key in keys {
                if let holder = alone[key] ?? shared[key]?.first { return (key, holder) }
            }
            for key in sharedKeys {
                if let holder = alone[key] { return (key, holder) }
            }
            return nil
        }

        mutating func add(_ operation: any InFlightOperation) {
            for key in operation.keys { alone[key] = operation }
            for key in operation.sharedKeys { shared[key, default: []].append(operation) }
        }

        mutating func remove(_ operation: any InFlightOperation) {
            for key in operation.keys { alone[key] = nil }
            for key in operation.sharedKeys {
                shared[key]?.removeAll { $0 === operation }
                if shared[key]?.isEmpty == true { shared[key] = nil }
            }
        }
    }

    private let holders = Guarded(Holders())

    /// Runs `body` on `executor` while holding the request's keys, or joins the operation that already does the same.
    ///
    /// - Throws: What `body` throws; ABORTED when a key is held; CANCELLED when the calling task is cancelled, while the
    ///   work goes on.
    func run<Request: ValidatedRequest, Reply: Sendable>(
        _ call: Call, _ request: Request, on executor: any TaskExecutor,
        body: @escaping @Sendable (Request) async throws(CSIError) -> Reply
    ) async throws(CSIError) -> Reply {
        switch claim(call, request, Reply.self) {
        case .blocked(let error):
            throw error
        case .ending(let holder, let error):
            holder.end()
            throw error
        case .joined(let operation):
            return try await operation.wait().get()
        case .started(let operation):
            let work = Task(executorPreference: executor) {
                let outcome: Result<Reply, CSIError>
                do throws(CSIError) {
                    outcome = .success(try await body(request))
                } catch {
                    outcome = .failure(error)
                }
                self.release(operation)
                operation.finish(outcome)
            }
            operation.begin(work)
            return try await operation.wait().get()
        }
    }

    /// What runs now, oldest first.
    var entries: [Entry] {
        let now = ContinuousClock.now
        var seen: Set<ObjectIdentifier> = []
        return holders.withLock { Array($0.alone.values) + $0.shared.values.joined() }
            .filter { seen.insert(ObjectIdentifier($0)).inserted }
            .sorted { $0.startedAt < $1.startedAt }
            .map {
                Entry(call: $0.call, keys: $0.keys, age: now - $0.startedAt, waiters: $0.waiterCount)
            }
    }

    /// How many keys are held; 0 when nothing runs.
    var count: Int { holders.withLock { $0.alone.count + $0.shared.count } }

    private func claim<Request: ValidatedRequest, Reply: Sendable>(
        _ call: Call, _ request: Request, _: Reply.Type
    ) -> Claim<Reply> {
        let keys = request.keys
        let sharedKeys = request.sharedKeys
        return holders.withLock { holders in
            guard let (key, holder) = holders.conflict(keys, sharedKeys) else {
                let operation = Operation<Reply>(
                    call: call, keys: keys, sharedKeys: sharedKeys, request: request, isMaking: request.isMaking,
                    startedAt: .now)
                holders.add(operation)
                return .started(operation)
            }
            if let operation = holder as? Operation<Reply>, operation.call.path == call.path,
                let running = operation.request as? Request, running == request
            {
                return .joined(operation)
            }
            let error = CSIError.pending(holder.method, on: key, age: .now - holder.startedAt)
            guard let ended = request.endedKey, holder.isMaking, holder.keys.contains(ended) else {
                return .blocked(error)
            }
            // What is being made is not wanted any more; when its work has ended, the next attempt removes what there is.
            return .ending(holder, error)
        }
    }

    private func release(_ operation: some InFlightOperation) {
        holders.withLock { $0.remove(operation) }
    }
}
