import CSICore
import CSIHost
import FoundationEssentials

/// The API as one RPC uses it: whatever it waits for ends before the caller gives up.
struct APISession: Sendable {
    /// What became of a change.
    enum Outcome<Value> {
        case done(Value)
        /// The API said no, and nothing was changed.
        case refused(APIRefusal)
        /// Nobody knows; look before trying again.
        case lost(String)
    }

    private let transport: any APITransport
    private let clock: any HostClock
    private let policy: RetryPolicy
    private let deadline: Duration

    init(_ transport: any APITransport, _ clock: any HostClock, _ policy: RetryPolicy) {
        self.transport = transport
        self.clock = clock
        self.policy = policy
        let patience = min(CallDeadline.timeLeft ?? policy.limit, policy.limit)
        // What is left over is for the answer to reach the caller before it stops listening.
        deadline = clock.now + patience - min(patience * 0.1, .seconds(1))
    }

    func backoff() -> Backoff {
        Backoff(
            clock, until: deadline, first: policy.firstPause, longest: policy.longestPause, random: policy.random)
    }

    /// Asks for one thing; nil when it does not exist.
    func find<Value: Decodable>(_: Value.Type, _ path: String) async throws(CSIError) -> Value? {
        switch try await send(APIRequest(method: "GET", path: path)) {
        case .done(let body): return try Self.decoded(body, path)
        case .refused(let refusal) where refusal.status == 404: return nil
        case .refused(let refusal): throw refusal.error
        case .lost(let reason): throw .unavailable(reason)
        }
    }

    /// Asks for all pages of a list.
    func list<Page: APIPage>(_: Page.Type, _ path: String) async throws(CSIError) -> [Page.Element] {
        var all: [Page.Element] = []
        for number in 1...1000 {
            let separator = path.contains("?") ? "&" : "?"
            guard let page = try await find(Page.self, "\(path)\(separator)page=\(number)&per_page=200") else { break }
            all += page.elements
            if !page.hasMore { break }
        }
        return all
    }

    /// Asks for a change.
    func post<Value: Decodable>(
        _: Value.Type, _ path: String, _ content: some Encodable
    ) async throws(CSIError) -> Outcome<Value> {
        switch try await send(APIRequest(method: "POST", path: path, body: Self.encoded(content))) {
        case .done(let body): return .done(try Self.decoded(body, path))
        case .refused(let refusal): return .refused(refusal)
        case .lost(let reason): return .lost(reason)
        }
    }

    /// Removes a thing, which may be gone already; nil when that is done.
    func remove(_ path: String) async throws(CSIError) -> APIRefusal? {
        switch try await send(APIRequest(method: "DELETE", path: path)) {
        case .done: return nil
        case .refused(let refusal): return refusal.status == 404 ? nil : refusal
        case .lost(let reason): throw .unavailable(reason)
        }
    }

    /// Sends a request until there is an answer.
    ///
    /// What is no answer is final for a POST alone: everything else can be repeated.
    private func send(_ request: APIRequest) async throws(CSIError) -> Outcome<[UInt8]> {
        var backoff = backoff()
        while true {
            let left = min(deadline - clock.now, policy.attemptLimit)
            guard left > .zero else {
                throw .unavailable("there was no time left for \(request.method) \(request.path)")
            }
            var reason: String
            var pause = Duration.zero
            do throws(ConnectionFailure) {
                let answer = try await transport.send(request, within: left)
                if (200..<300).contains(answer.status) { return .done(answer.body) }
                guard answer.status == 429 || answer.status >= 500 else { return .refused(APIRefusal(answer)) }
                reason = "\(request.method) \(request.path) was answered \(answer.status)"
                pause = answer.retryAfter ?? .zero
                // Who is turned away for coming too often has not been served.
                if request.method == "POST", answer.status != 429 { return .lost(reason) }
            } catch {
                reason = error.detail
                if request.method == "POST" { return .lost(reason) }
            }
            guard await backoff.pause(atLeast: pause) else { throw .unavailable("\(reason); tried until time was up") }
        }
    }

    // MARK: JSON

    private static func encoded(_ content: some Encodable) throws(CSIError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        do { return Array(try encoder.encode(content)) } catch { throw .fault("a request cannot be encoded: \(error)") }
    }

    private static func decoded<Value: Decodable>(_ body: [UInt8], _ path: String) throws(CSIError) -> Value {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        decoder.dateDecodingStrategy = .iso8601
        do {
            return try decoder.decode(Value.self, from: Data(body))
        } catch {
            // Whatever was asked for may have happened.
            throw .unavailable("the answer of \(path) is not what the API promises: \(error)")
        }
    }
}
