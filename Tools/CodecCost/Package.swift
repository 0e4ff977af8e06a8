// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "CodecCost",
    dependencies: [
        .package(name: "swift-csi", path: "../..")
    ],
    targets: [
        .executableTarget(
            name: "codec-cost",
            dependencies: [.product(name: "CSIProto", package: "swift-csi")],
            swiftSettings: [
                .swiftLanguageMode(.v6),
                .enableUpcomingFeature("ExistentialAny"),
                .enableUpcomingFeature("InternalImportsByDefault"),
                .enableUpcomingFeature("MemberImportVisibility"),
            ])
    ]
)
