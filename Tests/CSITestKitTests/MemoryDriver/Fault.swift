import CSIProto
import CSITransport

/// One thing that a driver does wrong.
struct Fault: Sendable {
    typealias Good = (any ProtoMessage) -> Result<any ProtoMessage, RPCError>

    /// The method that is wrong; nil for all.
    var path: String?

    /// The endpoint that is wrong; nil for both.
    var role: MemoryDriver.Role?

    /// Answers a call, of which it is the nth, with the help of the good driver.
    var act: @Sendable (_ request: any ProtoMessage, _ count: Int, _ good: Good) -> Result<any ProtoMessage, RPCError>

    /// Adds routes that a right driver does not have.
    var extraRoutes: @Sendable (inout RPCRouter) -> Void = { _ in }

    /// Changes what the driver holds after each call.
    var state: @Sendable (inout MemoryDriver.State) -> Void = { _ in }

    /// Succeeds with an empty answer where the good driver refuses.
    static func forgives<Request: ProtoMessage, Response: ProtoMessage>(
        _ method: RPCMethod<Request, Response>
    ) -> Fault {
        Fault(path: method.path) { request, _, good in
            if case .success(let response) = good(request) { .success(response) } else { .success(Response()) }
        }
    }

    /// Fails, from the nth call on.
    static func fails<Request: ProtoMessage, Response: ProtoMessage>(
        _ method: RPCMethod<Request, Response>, _ code: RPCCode = .internalError, from first: Int = 1,
        when: @escaping @Sendable (Request) -> Bool = { _ in true }
    ) -> Fault {
        Fault(path: method.path) { request, count, good in
            guard count >= first, (request as? Request).map(when) == true else { return good(request) }
            return .failure(RPCError(code: code, message: "a fault"))
        }
    }

    /// Takes another request for the one that came.
    static func misreads<Request: ProtoMessage, Response: ProtoMessage>(
        _ method: RPCMethod<Request, Response>, _ change: @escaping @Sendable (inout Request) -> Void
    ) -> Fault {
        Fault(path: method.path) { request, _, good in
            guard var request = request as? Request else { return .failure(.wrongType) }
            change(&request)
            return good(request)
        }
    }

    /// Changes the good driver's answer.
    static func garbles<Request: ProtoMessage, Response: ProtoMessage>(
        _ method: RPCMethod<Request, Response>,
        _ change: @escaping @Sendable (_ response: inout Response, _ count: Int) -> Void
    ) -> Fault {
        Fault(path: method.path) { request, count, good in
            good(request).map { response in
                guard var response = response as? Response else { return response }
                change(&response, count)
                return response
            }
        }
    }

    /// Answers without doing anything.
    static func pretends<Request: ProtoMessage, Response: ProtoMessage>(
        _ method: RPCMethod<Request, Response>
    ) -> Fault {
        Fault(path: method.path) { _, _, _ in .success(Response()) }
    }

    /// Changes every error.
    static func errors(_ change: @escaping @Sendable (inout RPCError) -> Void) -> Fault {
        Fault { request, _, good in
            good(request).mapError { error in
                var error = error
                change(&error)
                return error
            }
        }
    }

    /// Serves a method that a right driver does not have.
    static func serves<Request: ProtoMessage, Response: ProtoMessage>(
        _ method: RPCMethod<Request, Response>
    ) -> Fault {
        Fault(
            path: method.path, act: { request, _, good in good(request) },
            extraRoutes: { router in
                router.unary(method) { (_, _) async throws(RPCError) in Response() }
            })
    }

    func only(_ role: MemoryDriver.Role) -> Fault {
        var fault = self
        fault.role = role
        return fault
    }
}
