import CSICore
import CSITransport
import Glibc
import Logging
import SystemPackage
import Testing

@testable import CSIProgram

@Suite("Settings of a driver's program")
struct SettingReaderTests {
    private static let root = Setting(flag: "--root", variable: "DISK_ROOT", help: "Where volumes are.")

    private func reader(_ arguments: [String], _ environment: [String: String]) -> SettingReader {
        let flags = CommandLineFlags(arguments)
        return SettingReader(environment: environment) { flags[$0.flag] }
    }

    @Test(
        "A flag in either form wins over the variable, and an empty variable counts as not set",
        arguments: [
            (["--root", "/a"], ["DISK_ROOT": "/b"], "/a"), (["--root=/a=b"], [:], "/a=b"),
            ([], ["DISK_ROOT": "/b"], "/b"), ([], ["DISK_ROOT": ""], nil), (["--root"], [:], nil),
        ] as [([String], [String: String], String?)])
    func sources(arguments: [String], environment: [String: String], expected: String?) {
        var reader = reader(arguments, environment)
        #expect(reader.absolutePath(Self.root)?.string == expected)
        #expect(reader.mistakes.isEmpty == (expected != nil))
    }

    @Test(
        "A value that cannot be used is named with its flag",
        arguments: [
            ("--endpoint", "tcp://1.2.3.4:5"), ("--node-id", String(repeating: "n", count: 257)), ("--root", "a/b"),
            ("--log-level", "loud"), ("--log-format", "xml"),
        ])
    func mistakes(flag: String, value: String) {
        var reader = reader([flag, value], [:])
        let setting = Setting(flag: flag, variable: "X")
        switch flag {
        case "--endpoint": #expect(reader.endpoint(setting) == nil)
        case "--node-id": #expect(reader.nodeID(setting) == nil)
        case "--root": #expect(reader.absolutePath(setting) == nil)
        case "--log-level": #expect(reader.logLevel(setting) == nil)
        default: #expect(reader.logFormat(setting) == nil)
        }
        #expect(reader.mistakes.count == 1)
        #expect(reader.mistakes.first?.hasPrefix("\(flag): ") == true, "\(reader.mistakes)")
    }

    @Test("A secret comes from a file, which is read anew, or from a variable, and is printed nowhere")
    func secrets() throws {
        let file = Setting(flag: "--token-file", variable: "DISK_TOKEN_FILE")
        let variable = Setting(flag: "", variable: "DISK_TOKEN")
        let path = "/tmp/swift-csi-secret-\(UInt32.random(in: .min ... .max))"
        func write(_ text: String) throws {
            let file = try FileDescriptor.open(
                FilePath(path), .writeOnly, options: [.create, .truncate], permissions: .ownerReadWrite)
            try file.closeAfter { _ = try file.writeAll(text.utf8) }
        }
        try write(" hunter2\n")
        defer { unlink(path) }
        var reader = reader(["--token-file", path], [:])
        let read = reader.secret(inFile: file, or: variable)
        let secret = try #require(read)
        #expect(try secret.withValue { $0 } == "hunter2")
        try write("hunter3")
        #expect(try secret.withValue { $0 } == "hunter3")
        var dumped = ""
        dump(secret, to: &dumped)
        #expect("\(secret) \(String(reflecting: secret)) \(dumped)".contains("hunter") == false)
        try write("")
        for (arguments, environment, words) in [
            (["--token-file", path], [:], "is empty"), (["--token-file", path + "x"], [:], "No such file"),
            ([], [:], "is required, or DISK_TOKEN"),
            (["--token-file", path], ["DISK_TOKEN": "x"], "together with DISK_TOKEN"),
        ] as [([String], [String: String], String)] {
            var reader = self.reader(arguments, environment)
            #expect(reader.secret(inFile: file, or: variable) == nil)
            #expect(reader.mistakes.count == 1)
            #expect(reader.mistakes.first?.contains(words) == true, "\(reader.mistakes)")
        }
        var other = self.reader([], ["DISK_TOKEN": "x"])
        #expect(try other.secret(inFile: file, or: variable)?.withValue { $0 } == "x")
    }

    @Test("Flags and variables that nobody asked for are mistakes")
    func unknown() {
        let flags = CommandLineFlags(["--rot", "/a", "stray", "--empty"])
        var reader = SettingReader(environment: ["DISK_ROT": "/a", "PATH": "/bin"]) { flags[$0.flag] }
        reader.reportUnknown(arguments: flags.unknown(besides: ["--root"]), variablePrefix: "DISK_")
        #expect(reader.mistakes.count == 4, "\(reader.mistakes)")
    }

    @Test("The environment is read as the kernel keeps it")
    func parsing() {
        let variables = ProcessEnvironment.parse(Array("A=1\0B=x=y\0EMPTY=\0broken\0".utf8))
        #expect(variables == ["A": "1", "B": "x=y", "EMPTY": ""])
    }
}

@Suite("What every driver's program serves with")
struct ServingConfigurationTests {
    private func read(_ arguments: [String], role: Role = .node) -> (ServingConfiguration?, [String]) {
        let flags = CommandLineFlags(["--endpoint", "/run/csi.sock"] + arguments)
        var reader = SettingReader(environment: [:]) { flags[$0.flag] }
        let serving = ServingConfiguration(from: &reader, ServingSettings(variablePrefix: "DISK_"), role: role)
        reader.reportUnknown(
            arguments: flags.unknown(besides: reader.known.map(\.setting.flag)), variablePrefix: "DISK_")
        return (serving, reader.mistakes)
    }

    @Test("A node registers, and may serve the Controller service as well")
    func node() {
        let (serving, mistakes) = read([
            "--with-controller", "true", "--kubelet-registration-path", "/host/csi.sock", "--http-endpoint", ":9808",
        ])
        #expect(mistakes.isEmpty)
        #expect(serving?.role == .all)
        #expect(serving?.registration?.socketOnHost == "/host/csi.sock")
        #expect(serving?.httpEndpoint != nil)
        #expect(read([]).0?.role == .node)
        #expect(read([]).0?.registration == nil)
    }

    @Test(
        "Mistakes name the flag",
        arguments: [
            (["--with-controller", "perhaps"], Role.node, "--with-controller: must be true, false"),
            (["--kubelet-registry", "/registry"], .node, "needs --kubelet-registration-path"),
            (["--kubelet-registration-path", "csi.sock"], .node, "absolute"),
            (["--http-endpoint", "x"], .node, "--http"),
            (["--with-controller", "true"], .controller, "--with-controller is not known"),
        ])
    func mistakes(arguments: [String], role: Role, words: String) {
        let (_, mistakes) = read(arguments, role: role)
        #expect(mistakes.count == 1)
        #expect(mistakes.first?.contains(words) == true, "\(mistakes)")
    }
}

@Suite("A driver's program")
struct DriverProgramTests {
    private static let program = DriverProgram(name: "disk", variablePrefix: "DISK_") {
        (settings, _, _) throws(CSIError) in
        let name = settings.read(Setting(flag: "--name", variable: "DISK_NAME", help: "A name.")) {
            (text) throws(ConfigurationMistake) in text
        }
        guard let name else { return nil }
        return Named(info: try PluginInfo(name: name, version: "1"))
    }

    private struct Named: CSIDriver {
        let info: PluginInfo
    }

    private static let endpoint = "/tmp/swift-csi-program-test.sock"

    @Test(
        "ends with 64 when a setting is wrong, 1 when it cannot serve, 0 after the help",
        arguments: [
            ([], [:], 64), (["--help"], [:], 0), (["--name", "disk.example.com"], [:], 64),
            (["--name", "1", "--endpoint", endpoint], [:], 64),
            (["--name", "disk.example.com", "--endpoint", endpoint], ["DISK_NAM": "x"], 64),
            (["--name", "disk.example.com", "--endpoint", "/tmp/no/such/directory.sock"], [:], 1),
        ] as [([String], [String: String], Int32)])
    func exitCodes(arguments: [String], environment: [String: String], expected: Int32) async {
        #expect(await Self.program.run(.node, arguments: arguments, environment: environment) == expected)
    }
}
