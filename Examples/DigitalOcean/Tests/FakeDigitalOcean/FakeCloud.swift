import Foundation
import Synchronization

/// DigitalOcean's API as its package documentation describes it, as far as block storage goes, with faults by intent.
package final class FakeCloud: Sendable {
    struct State: Sendable {
        var volumes: [String: FakeVolume] = [:]
        var snapshots: [String: FakeSnapshot] = [:]
        var actions: [Int: FakeAction] = [:]
        var droplets: [Int: String] = [:]
        var lastNumber = 0
        var requests: [String] = []
        var faults: [Fault] = []
        var hooks: [(prefix: String, body: @Sendable (FakeCloud) -> Void)] = []
        var actionTime = Duration.zero
        var failingActions = 0
    }

    struct Fault: Sendable {
        enum Kind: Sendable {
            case loses
            case answers(Int, retryAfter: Int?)
            case breaksBefore
        }

        let prefix: String
        let kind: Kind
        var times: Int
    }

    package let region: String
    package let token: String
    /// How many volumes a droplet takes.
    package let dropletLimit: Int
    /// How many volumes the account may have.
    package let volumeLimit: Int
    let machines: any FakeMachines
    let now: @Sendable () -> Duration
    let state: Mutex<State>

    package init(
        droplets: [Int] = [1, 2], region: String = "nyc1", token: String = "dop_v1_secret", dropletLimit: Int = 15,
        volumeLimit: Int = 1000, machines: any FakeMachines, now: @escaping @Sendable () -> Duration = FakeCloud.time
    ) {
        self.region = region
        self.token = token
        self.dropletLimit = dropletLimit
        self.volumeLimit = volumeLimit
        self.machines = machines
        self.now = now
        var state = State()
        for droplet in droplets { state.droplets[droplet] = "active" }
        self.state = Mutex(state)
    }

    private static let origin = ContinuousClock.now

    /// The time since the process began, roughly.
    @Sendable package static func time() -> Duration { origin.duration(to: .now) }

    // MARK: Faults

    /// How long attaching, detaching and resizing take.
    package var actionTime: Duration {
        get { state.withLock { $0.actionTime } }
        set { state.withLock { $0.actionTime = newValue } }
    }

    /// Carries requests out and loses their answers; a request begins with `prefix`, for example `POST /v2/volumes`.
    package func loseAnswers(to prefix: String, times: Int = 1) {
        add(Fault(prefix: prefix, kind: .loses, times: times))
    }

    /// Answers requests with a status, and does nothing.
    package func answer(_ prefix: String, with status: Int, retryAfter: Int? = nil, times: Int = 1) {
        add(Fault(prefix: prefix, kind: .answers(status, retryAfter: retryAfter), times: times))
    }

    /// Breaks the connection before a request is carried out.
    package func breakConnection(at prefix: String, times: Int = 1) {
        add(Fault(prefix: prefix, kind: .breaksBefore, times: times))
    }

    /// Lets the next actions end with an error.
    package func failActions(times: Int = 1) { state.withLock { $0.failingActions = times } }

    /// Does something right before a request is carried out, once: what another user of the account does.
    package func interfere(before prefix: String, _ body: @escaping @Sendable (FakeCloud) -> Void) {
        state.withLock { $0.hooks.append((prefix, body)) }
    }

    /// Attaches a volume behind everybody's back, at once.
    package func attachByHand(_ id: String, to droplet: Int) {
        change(id) { volume in
            volume.droplets = [droplet]
            self.machines.attach(volume, to: droplet)
        }
    }

    /// Removes a volume behind everybody's back, attached or not.
    package func removeByHand(_ id: String) {
        let volume = state.withLock { $0.volumes.removeValue(forKey: id) }
        if let volume { machines.remove(volume) }
    }

    /// Gives a volume another description.
    package func describe(_ id: String, _ text: String) { change(id) { $0.description = text } }

    /// Sets what a droplet does, for example `off`; nil destroys it.
    package func setDroplet(_ id: Int, _ status: String?) { state.withLock { $0.droplets[id] = status } }

    /// Begins to attach a volume, as another program does.
    package func beginAttaching(_ id: String, to droplet: Int) {
        _ = begin(id, ["type": "attach", "droplet_id": droplet])
    }

    // MARK: Looking

    /// How many actions there have been.
    package var actionCount: Int { state.withLock { $0.actions.count } }

    /// Every request so far, without bodies.
    package var requests: [String] { state.withLock { $0.requests } }

    /// Forgets the requests so far.
    package func clearRequests() { state.withLock { $0.requests = [] } }

    /// The volumes in the order of their ids.
    package var volumes: [FakeVolume] { state.withLock { $0.volumes.values.sorted { $0.id < $1.id } } }

    /// Everything that there is, one line for each thing.
    package var summary: [String] {
        settle()
        return state.withLock { state in
            state.volumes.values.map { "volume \($0.name) \($0.size) GiB on \($0.droplets): \($0.description)" }
                + state.snapshots.values.map { "snapshot \($0.name) of \($0.volume)" }
                + state.actions.values.filter { $0.status == "in-progress" }.map { "action \($0.type)" }
        }
    }

    // MARK: Answering

    /// Answers a request.
    /// - Parameters:
    ///   - target: The path with its query.
    ///   - token: What the request says who it is.
    package func answer(_ method: String, _ target: String, token: String?, body: [UInt8] = []) -> FakeAnswer {
        let request = "\(method) \(target)"
        let (hooks, fault) = state.withLock { state in
            state.requests.append(request)
            let hooks = state.hooks.filter { request.hasPrefix($0.prefix) }
            state.hooks.removeAll { request.hasPrefix($0.prefix) }
            return (hooks, Self.take(&state.faults, request))
        }
        for hook in hooks { hook.body(self) }
        switch fault {
        case .answers(let status, let retryAfter):
            return .error(status, status == 429 ? "API Rate limit exceeded." : "Server Error", retryAfter: retryAfter)
        case .breaksBefore:
            var answer = FakeAnswer(200)
            answer.isLost = true
            return answer
        case .loses:
            var answer = carryOut(method, target, token, body)
            answer.isLost = true
            return answer
        case nil: return carryOut(method, target, token, body)
        }
    }

    private static func take(_ faults: inout [Fault], _ request: String) -> Fault.Kind? {
        guard let index = faults.firstIndex(where: { request.hasPrefix($0.prefix) && $0.times > 0 }) else { return nil }
        faults[index].times -= 1
        return faults[index].kind
    }

    private func carryOut(_ method: String, _ target: String, _ token: String?, _ body: [UInt8]) -> FakeAnswer {
        guard token == self.token else { return .error(401, "Unable to authenticate you") }
        settle()
        let parts = URLComponents(string: target)
        let query = Dictionary(
            (parts?.queryItems ?? []).map { ($0.name, $0.value ?? "") }, uniquingKeysWith: { $1 })
        let path = (parts?.path ?? "").split(separator: "/").map(String.init)
        let content = (try? JSONSerialization.jsonObject(with: Data(body))) as? [String: Any] ?? [:]
        guard path.first == "v2" else { return .absent }
        return route(method, Array(path.dropFirst()), query, content)
    }

    private func route(
        _ method: String, _ path: [String], _ query: [String: String], _ content: [String: Any]
    ) -> FakeAnswer {
        switch (method, path.count, path.first, path.count > 2 ? path[2] : nil) {
        case ("GET", 1, "volumes", nil): listVolumes(query)
        case ("POST", 1, "volumes", nil): createVolume(content)
        case ("GET", 2, "volumes", nil): readVolume(path[1])
        case ("DELETE", 2, "volumes", nil): deleteVolume(path[1])
        case ("POST", 3, "volumes", "actions"): begin(path[1], content)
        case ("GET", 4, "volumes", "actions"): readAction(path[1], path[3])
        case ("POST", 3, "volumes", "snapshots"): createSnapshot(path[1], content)
        case ("GET", 1, "snapshots", nil): listSnapshots(query)
        case ("GET", 2, "snapshots", nil): readSnapshot(path[1])
        case ("DELETE", 2, "snapshots", nil): deleteSnapshot(path[1])
        case ("GET", 2, "droplets", nil): readDroplet(path[1])
        default: .absent
        }
    }

    // MARK: Shared

    private func add(_ fault: Fault) { state.withLock { $0.faults.append(fault) } }

    func change(_ id: String, _ body: (inout FakeVolume) -> Void) {
        state.withLock { state in
            guard var volume = state.volumes[id] else { return }
            body(&volume)
            state.volumes[id] = volume
        }
    }

    /// One page of a list, as every list of the API has it.
    func page(_ name: String, _ all: [[String: Any]], _ path: String, _ query: [String: String]) -> FakeAnswer {
        let number = max(1, query["page"].flatMap { Int($0) } ?? 1)
        let size = min(max(1, query["per_page"].flatMap { Int($0) } ?? 20), 200)
        let shown = all.dropFirst((number - 1) * size).prefix(size)
        var links: [String: Any] = [:]
        if number * size < all.count {
            links = ["pages": ["next": "https://api.example/v2/\(path)?page=\(number + 1)"]]
        }
        return FakeAnswer(200, [name: Array(shown), "links": links, "meta": ["total": all.count]])
    }
}

extension FakeCloud.State {
    /// Ids in the order of their making, so that two runs of the same calls give the same.
    mutating func newID() -> String {
        lastNumber += 1
        let digits = String(lastNumber, radix: 16)
        return "506f78a4-e098-11e5-ad9f-" + String(repeating: "0", count: 12 - digits.count) + digits
    }
}
