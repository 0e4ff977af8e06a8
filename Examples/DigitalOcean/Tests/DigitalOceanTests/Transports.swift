import CSITestKit
import FakeDigitalOcean
import Synchronization

@testable import DigitalOcean

/// The fake without HTTP in between.
struct FakeTransport: APITransport {
    let cloud: FakeCloud

    func send(_ request: APIRequest, within limit: Duration) async throws(ConnectionFailure) -> APIResponse {
        let answer = cloud.answer(request.method, request.path, token: cloud.token, body: request.body)
        guard !answer.isLost else { throw ConnectionFailure(detail: "the connection broke") }
        return APIResponse(
            status: answer.status, retryAfter: answer.retryAfter.map { .seconds($0) }, body: answer.body)
    }
}

/// Makes every request one of a modelled machine's effects, so that the driver can crash around it.
struct ExploredTransport: APITransport {
    let base: FakeTransport
    let host: FakeHost

    func send(_ request: APIRequest, within limit: Duration) async throws(ConnectionFailure) -> APIResponse {
        do {
            return try await host.effect("\(request.method) \(request.path)", changing: request.method != "GET") {
                try await base.send(request, within: limit)
            }
        } catch let failure as ConnectionFailure {
            throw failure
        } catch {
            throw ConnectionFailure(detail: "\(error)")
        }
    }
}

/// Answers that a test has written down, one after the other; the last one for ever.
final class ScriptedTransport: APITransport {
    enum Line: Sendable {
        case answer(Int, retryAfter: Duration? = nil, body: String = "{}")
        case broken
    }

    private let lines: [Line]
    private let count = Mutex(0)

    init(_ lines: [Line]) {
        self.lines = lines
    }

    /// How many requests were sent.
    var sent: Int { count.withLock { $0 } }

    func send(_ request: APIRequest, within limit: Duration) async throws(ConnectionFailure) -> APIResponse {
        let number = count.withLock { count in
            count += 1
            return count
        }
        switch lines[min(number, lines.count) - 1] {
        case .answer(let status, let retryAfter, let body):
            return APIResponse(status: status, retryAfter: retryAfter, body: Array(body.utf8))
        case .broken: throw ConnectionFailure(detail: "the connection broke")
        }
    }
}
