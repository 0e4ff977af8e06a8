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
    name: "Differential",
    products: [.library(name: "Everything", targets: ["Everything"])],
    dependencies: [.package(name: "swift-csi", path: "../..")],
    targets: [
        .target(name: "Everything", dependencies: [codec], swiftSettings: settings),
        .executableTarget(name: "everything-echo", dependencies: ["Everything", codec], swiftSettings: settings),
    ]
)
