// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let codec = Target.Dependency.product(name: "CSIProto", package: "swift-csi")
let core = Target.Dependency.product(name: "CSICore", package: "swift-csi")
let host = Target.Dependency.product(name: "CSIHost", package: "swift-csi")
let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let transport = Target.Dependency.product(name: "CSITransport", package: "swift-csi")

let package = Package(
    name: "Benchmarks",
    dependencies: [
        .package(name: "swift-csi", path: ".."),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    ],
    targets: [
        .target(name: "BenchmarkMessages", dependencies: [codec], swiftSettings: settings),
        .executableTarget(
            name: "bare-server", dependencies: ["BenchmarkMessages", codec, transport], swiftSettings: settings),
        .executableTarget(
            name: "codec-bench", dependencies: ["BenchmarkMessages", codec, core], swiftSettings: settings),
        .executableTarget(name: "driver-bench", dependencies: [codec, transport], swiftSettings: settings),
        .executableTarget(name: "loop-bench", dependencies: [host, system], swiftSettings: settings),
    ]
)
