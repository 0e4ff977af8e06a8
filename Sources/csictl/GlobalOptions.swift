import ArgumentParser
import CSIProto
import CSITransport
import Glibc

/// The options that every command takes, before or after its name.
struct GlobalOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The driver's Unix socket, for example unix:///run/csi/node.sock. [env: CSI_ENDPOINT]", valueName: "url"))
    var endpoint: String?

    @Flag(help: "Print JSON for scripts.")
    var json = false

    @Option(
        help: ArgumentHelp("Give up after this many seconds; the driver goes on with its work.", valueName: "seconds"))
    var timeout: Int = 60

    func validate() throws {
        guard (1...86_400).contains(timeout) else {
            throw ValidationError("--timeout must be 1 to 86400 seconds, and is \(timeout)")
        }
    }

    /// Calls one method on a connection of its own.
    func call<Request: ProtoMessage, Reply: ProtoMessage>(
        _ method: RPCMethod<Request, Reply>, _ request: Request
    ) async throws -> Reply {
        let client = try await connect()
        defer { client.close() }
        do throws(RPCError) {
            return try await client.unary(method, request, timeout: .seconds(timeout))
        } catch {
            Self.complain("\(method.name): \(error.code.name): \(error.message)")
            throw ExitCode(1)
        }
    }

    /// Connects to the driver.
    func connect() async throws -> RPCClient {
        guard let text = endpoint ?? getenv("CSI_ENDPOINT").map({ String(cString: $0) }) else {
            throw ValidationError("--endpoint (or CSI_ENDPOINT) is required, for example unix:///run/csi/csi.sock")
        }
        return try await connect(to: text, option: "--endpoint")
    }

    /// Connects to the endpoint that `option` names.
    func connect(to text: String, option: String) async throws -> RPCClient {
        let endpoint: Endpoint
        do throws(EndpointError) {
            endpoint = try Endpoint(parsing: text)
        } catch {
            throw ValidationError("\(option): \(error)")
        }
        do throws(RPCError) {
            return try await RPCClient.connect(to: endpoint, timeout: .seconds(min(timeout, 3)))
        } catch {
            Self.complain("cannot reach the driver at \(endpoint): \(error.message)")
            throw ExitCode(69)
        }
    }

    static func complain(_ line: String) {
        let bytes = Array("csictl: error: \(line)\n".utf8)
        _ = write(STDERR_FILENO, bytes, bytes.count)
    }
}
