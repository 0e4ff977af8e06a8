// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "scratch-driver",
    dependencies: [
        .package(name: "swift-csi", path: "../.."),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    ],
    targets: [
        .target(
            name: "ScratchDriver",
            dependencies: [
                .product(name: "CSICore", package: "swift-csi"),
                .product(name: "CSIHost", package: "swift-csi"),
                .product(name: "CSIPool", package: "swift-csi"),
                .product(name: "CSIProgram", package: "swift-csi"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        .executableTarget(name: "scratch-controller", dependencies: ["ScratchDriver"]),
        .executableTarget(name: "scratch-node", dependencies: ["ScratchDriver"]),
        .testTarget(
            name: "ScratchDriverTests",
            dependencies: [
                "ScratchDriver",
                .product(name: "CSICore", package: "swift-csi"),
                .product(name: "CSIProto", package: "swift-csi"),
                .product(name: "CSITestKit", package: "swift-csi"),
                .product(name: "CSITransport", package: "swift-csi"),
                .product(name: "Logging", package: "swift-log"),
            ]),
    ]
)
