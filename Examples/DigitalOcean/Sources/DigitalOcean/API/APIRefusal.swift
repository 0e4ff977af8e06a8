import CSICore
import FoundationEssentials

/// The API said no.
struct APIRefusal: Sendable, Hashable {
    let status: Int
    let message: String

    init(_ answer: APIResponse) {
        struct Body: Decodable { var message: String }
        status = answer.status
        let body = try? JSONDecoder().decode(Body.self, from: Data(answer.body))
        message = body?.message ?? "status \(answer.status) without a reason"
    }

    /// Another action of the volume or the droplet has to end first.
    var isPending: Bool { mentions("pending event") }

    /// Somebody else was faster.
    var isOutdated: Bool { status == 409 || mentions("already attached") || mentions("attachment not found") }

    /// A limit of the account, the region or the droplet.
    var isLimit: Bool { mentions("limit") || mentions("exceed") || mentions("capacity") || mentions("quota") }

    /// What to tell a caller who is refused, where nothing better is known.
    var error: CSIError {
        if isLimit { return .noSpace("DigitalOcean says: \(message)") }
        if isPending { return .pendingElsewhere("DigitalOcean says: \(message)") }
        guard status != 401, status != 403 else {
            return .unauthenticated("DigitalOcean says: \(message); check the access token and what it may do")
        }
        return .preconditionFailed("DigitalOcean refuses (\(status)): \(message)")
    }

    /// The status alone says too little: 422 stands for nearly everything.
    private func mentions(_ words: String) -> Bool { message.lowercased().contains(words) }
}
