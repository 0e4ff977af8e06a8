// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]
let codec = Target.Dependency.product(name: "CSIProto", package: "swift-csi")

let package = Package(
    name: "ProtoGenerator",
    products: [
        .executable(name: "protoc-gen-swift-csi", targets: ["protoc-gen-swift-csi"])
    ],
    dependencies: [
        .package(name: "swift-csi", path: "../..")
    ],
    targets: [
        .executableTarget(name: "protoc-gen-swift-csi", dependencies: [codec], swiftSettings: settings),
        .testTarget(
            name: "GeneratorTests", dependencies: ["protoc-gen-swift-csi", codec], swiftSettings: settings),
    ]
)
