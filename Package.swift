// swift-tools-version: 6.2
import PackageDescription

let products: [Product] = [
    .library(name: "CSIProto", targets: ["CSIProto"]),
    .library(name: "CSITransport", targets: ["CSITransport"]),
    .library(name: "CSICore", targets: ["CSICore"]),
    .library(name: "CSIMetrics", targets: ["CSIMetrics"]),
    .library(name: "CSIHost", targets: ["CSIHost"]),
    .library(name: "CSIHostTracing", targets: ["CSIHostTracing"]),
    .library(name: "CSIPreflight", targets: ["CSIPreflight"]),
    .library(name: "CSIPool", targets: ["CSIPool"]),
    .library(name: "CSIBlock", targets: ["CSIBlock"]),
    .library(name: "CSIHostPath", targets: ["CSIHostPath"]),
    .library(name: "CSILoopback", targets: ["CSILoopback"]),
    .library(name: "CSINFS", targets: ["CSINFS"]),
    .library(name: "CSITestKit", targets: ["CSITestKit"]),
    .library(name: "CSIProgram", targets: ["CSIProgram"]),
    .library(name: "CSIMain", targets: ["CSIMain"]),
    .executable(name: "csi-controller", targets: ["csi-controller"]),
    .executable(name: "csi-node", targets: ["csi-node"]),
    .executable(name: "csictl", targets: ["csictl"]),
]

let dependencies: [Package.Dependency] = [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
]

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

/// The codec reads through `Span`s of its own `~Escapable` reader.
let codecSettings = settings + [.enableExperimentalFeature("Lifetimes")]

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let tracing = Target.Dependency.product(name: "Tracing", package: "swift-distributed-tracing")
let instrumentation = Target.Dependency.product(name: "Instrumentation", package: "swift-distributed-tracing")
let inMemoryTracing = Target.Dependency.product(name: "InMemoryTracing", package: "swift-distributed-tracing")
let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")

/// The C doors: module maps and the few wrappers that Swift cannot import.
let doors: [Target] = [
    .systemLibrary(name: "CNGHTTP2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
    .systemLibrary(name: "CMount", pkgConfig: "mount", providers: [.apt(["libmount-dev"])]),
    .systemLibrary(name: "CBlkid", pkgConfig: "blkid", providers: [.apt(["libblkid-dev"])]),
    .systemLibrary(name: "CUdev", pkgConfig: "libudev", providers: [.apt(["libudev-dev"])]),
    .target(name: "CLinux"),
    .target(name: "CBuild"),
]

// Imports run one way: CSIProto <- CSITransport <- CSICore <- backends <- mains. CSIHost knows none of them; CSILock lies below
// them all.
let libraries: [Target] = [
    .target(name: "CSILock", dependencies: ["CLinux"], swiftSettings: settings),
    .target(name: "CSIProto", exclude: ["Schema"], swiftSettings: codecSettings),
    .testTarget(name: "CSIProtoTests", dependencies: ["CSIProto"], swiftSettings: codecSettings),
    .target(
        name: "CSITransport", dependencies: ["CSILock", "CSIProto", "CNGHTTP2", "CLinux", logging, lifecycle],
        swiftSettings: settings),
    .testTarget(
        name: "CSITransportTests", dependencies: ["CSILock", "CSITransport", "CSIProto", "CNGHTTP2", "CLinux"],
        swiftSettings: settings),
    .target(
        name: "CSICore",
        dependencies: [
            "CSILock",
            "CBuild", "CSIProto", "CSITransport", logging, metrics, tracing, instrumentation, system, lifecycle,
        ],
        swiftSettings: settings),
    .testTarget(
        name: "CSICoreTests",
        dependencies: [
            "CSICore", "CSIMetrics", "CSIProto", "CSITransport", inMemoryTracing, logging, metrics, tracing,
            instrumentation, system,
        ],
        swiftSettings: settings),
    .target(name: "CSIMetrics", dependencies: ["CSILock", metrics], swiftSettings: settings),
    .testTarget(name: "CSIMetricsTests", dependencies: ["CSIMetrics", metrics], swiftSettings: settings),
    .target(
        name: "CSIHost", dependencies: ["CSILock", "CMount", "CBlkid", "CUdev", "CLinux", system],
        swiftSettings: settings),
    .testTarget(
        name: "CSIHostTests", dependencies: ["CSIHost", "CSITestKit", "CLinux", system], swiftSettings: settings),
    .target(
        name: "CSIHostTracing", dependencies: ["CSIHost", tracing, instrumentation, system], swiftSettings: settings),
    .testTarget(
        name: "CSIHostTracingTests",
        dependencies: ["CSIHostTracing", "CSIHost", "CSITestKit", inMemoryTracing, tracing, instrumentation, system],
        swiftSettings: settings),
    .target(name: "CSIPreflight", dependencies: ["CSIHost", system], swiftSettings: settings),
    .testTarget(
        name: "CSIPreflightTests", dependencies: ["CSIPreflight", "CSIHost", "CSITestKit", system],
        swiftSettings: settings),
    .target(
        name: "CSITestKit",
        dependencies: ["CSILock", "CSIHost", "CSICore", "CSIProto", "CSITransport", logging, system],
        swiftSettings: settings),
    .testTarget(
        name: "CSITestKitTests", dependencies: ["CSITestKit", "CSIProto", "CSITransport", logging, lifecycle],
        swiftSettings: settings),
]

let backends: [Target] = [
    .target(
        name: "CSIPool", dependencies: ["CSILock", "CSICore", "CSIHost", logging, metrics, system],
        path: "Sources/CSIBackends/Pool",
        swiftSettings: settings),
    .testTarget(
        name: "CSIPoolTests",
        dependencies: ["CSIPool", "CSICore", "CSIHost", "CSITestKit", "CSITransport", logging, system],
        swiftSettings: settings),
    .target(
        name: "CSIBlock", dependencies: ["CSILock", "CSICore", "CSIHost", "CSIPool", logging, system],
        path: "Sources/CSIBackends/Block", swiftSettings: settings),
    .testTarget(
        name: "CSIBlockTests",
        dependencies: [
            "CSIBlock", "CSICore", "CSIHost", "CSIPool", "CSIProto", "CSITransport", "CSITestKit", logging, system,
        ],
        swiftSettings: settings),
    .target(
        name: "CSIHostPath",
        dependencies: ["CSIBlock", "CSICore", "CSIHost", "CSIPool", "CSIPreflight", logging, system],
        path: "Sources/CSIBackends/HostPath",
        swiftSettings: settings),
    .testTarget(
        name: "CSIHostPathTests",
        dependencies: [
            "CSIHostPath", "CSIBlock", "CSICore", "CSIHost", "CSIPool", "CSIProto", "CSITransport", "CSITestKit",
            logging, system,
        ],
        swiftSettings: settings),
    .target(
        name: "CSILoopback",
        dependencies: ["CSIBlock", "CSICore", "CSIHost", "CSIPool", "CSIPreflight", logging, system],
        path: "Sources/CSIBackends/Loopback", swiftSettings: settings),
    .testTarget(
        name: "CSILoopbackTests",
        dependencies: [
            "CSILoopback", "CSIBlock", "CSICore", "CSIHost", "CSIPool", "CSIPreflight", "CSIProto", "CSITransport",
            "CSITestKit", logging, system,
        ],
        swiftSettings: settings),
]

let nfs: [Target] = [
    .target(
        name: "CSINFS",
        dependencies: ["CSILock", "CSICore", "CSIHost", "CSIPool", "CSIPreflight", "CSIProto", logging, system],
        path: "Sources/CSIBackends/NFS", swiftSettings: settings),
    .testTarget(
        name: "CSINFSTests",
        dependencies: [
            "CSINFS", "CSICore", "CSIHost", "CSIPool", "CSIProto", "CSITransport", "CSITestKit", logging, system,
        ],
        swiftSettings: settings),
]

let programs: [Target] = [
    .target(
        name: "CSIProgram",
        dependencies: [
            "CSILock",
            "CSICore", "CSIHost", "CSIMetrics", "CSIPreflight", "CSIProto", "CSITransport", logging, metrics, system,
            lifecycle, unixSignals,
        ],
        swiftSettings: settings),
    .testTarget(
        name: "CSIProgramTests",
        dependencies: [
            "CSIProgram", "CSICore", "CSIHost", "CSIPreflight", "CSITestKit", "CSITransport", lifecycle, logging,
            system,
        ],
        swiftSettings: settings),
    .target(
        name: "CSIMain",
        dependencies: [
            "CSICore", "CSIHost", "CSIHostPath", "CSIHostTracing", "CSILoopback", "CSINFS", "CSIPool", "CSIPreflight",
            "CSIProgram", argumentParser, logging, system,
        ],
        swiftSettings: settings),
    .testTarget(
        name: "CSIMainTests",
        dependencies: [
            "CSIMain", "CSICore", "CSIHost", "CSIHostPath", "CSILoopback", "CSINFS", "CSIPool", "CSIPreflight",
            "CSIProgram", "CSIProto", "CSITransport", argumentParser, logging, system,
        ],
        swiftSettings: settings),
    .executableTarget(
        name: "csi-controller", dependencies: ["CSIMain", argumentParser], swiftSettings: settings
    ),
    .executableTarget(
        name: "csi-node", dependencies: ["CSIMain", argumentParser], swiftSettings: settings),
    .executableTarget(
        name: "csictl",
        dependencies: [
            "CSILock",
            "CSICore", "CSIHost", "CSIMain", "CSIPool", "CSIPreflight", "CSIProgram", "CSIProto", "CSITestKit",
            "CSITransport", argumentParser, logging, system,
        ],
        swiftSettings: settings),
    .testTarget(name: "CSICtlTests", dependencies: ["csictl", "CSIProto", argumentParser], swiftSettings: settings),
    .executableTarget(
        name: "echo-server", dependencies: ["CSIProto", "CSITransport"], path: "Tests/Interop/EchoServer",
        swiftSettings: settings),
]

let targets = doors + libraries + backends + nfs + programs

// dev/sanitize runs the transport's tests alone; what they do not need takes ten times as long to compile.
let isTransportAlone = Context.environment["CSI_TRANSPORT_ALONE"] != nil
let transport: Set = ["CLinux", "CNGHTTP2", "CSILock", "CSIProto", "CSITransport", "CSITransportTests"]

let package = Package(
    name: "swift-csi",
    products: isTransportAlone ? [] : products,
    dependencies: dependencies,
    targets: isTransportAlone ? targets.filter { transport.contains($0.name) } : targets
)
