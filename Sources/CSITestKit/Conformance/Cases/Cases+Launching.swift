import CSIProto
import CSITransport

extension ConformanceCase {
    /// How the driver starts and ends.
    static let launching: [ConformanceCase] = [
        ConformanceCase(
            "launching/second-instance",
            "a second instance at the socket of a live one does not start, and the first one lives on", .knownDefect,
            needs: [.launcher]
        ) { trial in
            try await trial.withSocketPath { path in
                let first = try await trial.launch(at: path)
                let second = await trial.subject.endpoints.launcher?.launch(at: path)
                let isServed = await trial.isServed(path)
                await second?.stop()
                let isServedAfter = await trial.isServed(path)
                await first.stop()
                try trial.expect("whether a second instance starts", second != nil, equals: false)
                try trial.expect("whether the first one serves", isServed && isServedAfter, equals: true)
            }
        },
        ConformanceCase("launching/socket-removed", "the socket goes with the driver", .knownDefect, needs: [.launcher])
        { trial in
            try await trial.withSocketPath { path in
                try await trial.launch(at: path).stop()
                try trial.expect("whether the socket exists", LocalSite.exists(path), equals: false)
            }
        },
        ConformanceCase(
            "launching/regular-file", "a regular file in the place of the socket is refused and kept", .knownDefect,
            needs: [.launcher]
        ) { trial in
            try await trial.withSocketPath { path in
                guard LocalSite.write("text", to: path) else {
                    throw ConformanceSkip(reason: "the suite cannot make files in /tmp")
                }
                let instance = await trial.subject.endpoints.launcher?.launch(at: path)
                await instance?.stop()
                try trial.expect("whether the driver starts", instance != nil, equals: false)
                try trial.expect("the file's text", LocalSite.read(path), equals: "text")
            }
        },
        ConformanceCase(
            "launching/started-again", "a driver starts again where it ran before", .sidecars, needs: [.launcher]
        ) { trial in
            try await trial.withSocketPath { path in
                try await trial.launch(at: path).stop()
                let again = try await trial.launch(at: path)
                let isServed = await trial.isServed(path)
                await again.stop()
                try trial.expect("whether it serves again", isServed, equals: true)
            }
        },
    ]
}

extension ConformanceTrial {
    /// Gives `body` a path for a socket in a new directory, and removes both afterwards.
    fileprivate func withSocketPath(_ body: (String) async throws -> Void) async throws {
        let directory = "/tmp/csi-conformance-\(subject.tag)-\(nextSerial())"
        guard LocalSite.makeDirectory(directory) else {
            throw ConformanceSkip(reason: "the suite cannot make directories in /tmp")
        }
        let path = directory + "/csi.sock"
        defer {
            LocalSite.removeFile(path)
            LocalSite.removeDirectory(directory)
        }
        try await body(path)
    }

    fileprivate func launch(at path: String) async throws -> any ConformanceInstance {
        guard let instance = await subject.endpoints.launcher?.launch(at: path) else {
            throw ConformanceFinding(
                step: "starting the driver at \(path)", expected: "it to serve", seen: "that it does not")
        }
        return instance
    }

    /// Whether a driver answers Probe at the socket.
    fileprivate func isServed(_ path: String) async -> Bool {
        guard let endpoint = try? Endpoint(parsing: path),
            let client = try? await RPCClient.connect(to: endpoint, timeout: .seconds(10))
        else { return false }
        defer { client.close() }
        return (try? await client.unary(CSIv1.Identity.probe, .init(), timeout: .seconds(30))) != nil
    }
}
