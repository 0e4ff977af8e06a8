// swift-tools-version: 6.2
import PackageDescription

// Built by dev/fuzz with `-sanitize=fuzzer,address`, which brings the main function.
let package = Package(
    name: "Fuzz",
    dependencies: [
        .package(name: "swift-csi", path: "../.."),
        .package(name: "Differential", path: "../Differential"),
    ],
    targets: ["fuzz-decode", "fuzz-roundtrip"].map { name in
        .executableTarget(
            name: name,
            dependencies: [
                .product(name: "CSIProto", package: "swift-csi"),
                .product(name: "Everything", package: "Differential"),
            ],
            swiftSettings: [
                .swiftLanguageMode(.v6),
                .enableUpcomingFeature("ExistentialAny"),
                .enableUpcomingFeature("InternalImportsByDefault"),
                .enableUpcomingFeature("MemberImportVisibility"),
            ])
    }
)
