// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "ProtoGenerator",
    products: [
        .executable(name: "protoc-gen-swift-csi", targets: ["protoc-gen-swift-csi"])
    ],
    dependencies: [
        .package(name: "swift-csi", path: "../..")
    ],
    targets: [
        .executableTarget(
            name: "protoc-gen-swift-csi",
            dependencies: [.product(name: "CSIProto", package: "swift-csi")],
            swiftSettings: [
                .swiftLanguageMode(.v6),
                .enableUpcomingFeature("ExistentialAny"),
                .enableUpcomingFeature("InternalImportsByDefault"),
                .enableUpcomingFeature("MemberImportVisibility"),
            ])
    ]
)
