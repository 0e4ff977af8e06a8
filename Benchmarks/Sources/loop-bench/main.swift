import CSIHost
import Glibc
import SystemPackage

// loop-bench DIR COUNT     attaches so many images of 1 MiB as loop devices and detaches them: prints both per second

let arguments = CommandLine.arguments
guard arguments.count == 3, let count = Int(arguments[2]), count > 0 else {
    print("usage: loop-bench DIR COUNT")
    exit(64)
}
do {
    let host = LinuxHost()
    let tree = try await host.files.openDirectory(FilePath(arguments[1]))
    for number in 0..<count {
        try await tree.createFile(
            FilePath("image-\(number)"), size: 1 << 20, allocation: .sparse, permissions: [.ownerReadWrite])
    }
    var devices: [LoopDevice] = []
    let started = ContinuousClock.now
    for number in 0..<count {
        devices.append(
            try await host.loops.attach(
                FilePath("image-\(number)"), in: tree, options: LoopOptions(name: "bench-\(number)")))
    }
    let attached = ContinuousClock.now
    for device in devices { try await host.loops.detach(device, within: .seconds(10)) }
    let detached = ContinuousClock.now
    for number in 0..<count { try await tree.removeFile(FilePath("image-\(number)")) }
    print(
        Int(Double(count) / ((attached - started) / .seconds(1))),
        Int(Double(count) / ((detached - attached) / .seconds(1))))
} catch {
    print("loop-bench: \(error)")
    exit(EXIT_FAILURE)
}
